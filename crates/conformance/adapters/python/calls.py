"""What runs in workers: the function that every adapter submits, maps and initializes with.

Owns the bodies, poison, the trace and gates. Must not know who conducts a scenario, nor any pool.
Workers import this module by its name, whatever started them, and nothing of the program that did.
"""

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time

# A longer one delays what waits for a gate; a shorter one takes time from the tasks that do not.
POLL_SECONDS = 0.002


# ---- the folder of a run ----


def in_folder(name):
    return os.path.join(os.environ["CONFORMANCE_DIR"], name)


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def record(event, tag):
    """Appends an event to the trace, with one write, so that those of several processes never mix."""
    trace = os.open(in_folder("trace"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        entry = {"pid": os.getpid(), "ppid": os.getppid(), "at": now(), "event": event, "tag": tag}
        os.write(trace, json.dumps(entry).encode() + b"\n")
    finally:
        os.close(trace)


def wait_for_gate(gate):
    while not os.path.exists(in_folder(f"gate-{gate}")):
        time.sleep(POLL_SECONDS)


# ---- poison ----


class Poison:
    """Travels with a call, and cannot be encoded, or cannot be decoded.

    The errors are the ones that the documentation of pickle names for either.
    """

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        if self.place.startswith("encode"):
            raise pickle.PicklingError(f"poison: {self.place}")
        return refuse_to_decode, (self.place,)


def refuse_to_decode(place):
    raise pickle.UnpicklingError(f"poison: {place}")


# ---- bodies ----


class BodyFailed(Exception):
    """The ordinary error that bodies fail with."""


kept = None  # What `mark` has kept in this process.


def mark(call):
    global kept
    kept = call.get("value")


def gate(call):
    wait_for_gate(call["gate"])
    return call.get("value")


def sleep(call):
    time.sleep(call["ms"] / 1000)
    return call.get("value")


def fail(call):
    raise BodyFailed(call.get("text") or "")


def die(call):
    if call.get("signal") is None:
        os._exit(call["code"])
    os.kill(os.getpid(), call["signal"])
    raise BodyFailed(f"signal {call['signal']} has not ended the process")


def print_text(call):
    for _ in range(call["count"]):
        print(call["text"], flush=True)


def ignore_term(call):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return gate(call)


def nest(call):
    if call["count"] == 0:
        return 0
    # The class comes from its module under the name that any process can import. The one that the
    # program was started with is called __main__, which is another program in some workers.
    pool = importlib.import_module(call["adapter"]).Pool(call["start_method"], {"max_workers": 1})
    deeper = call["count"] - 1
    try:
        future = pool.submit({**call, "count": deeper, "tag": f"{call['tag']}.{deeper}"})
        return pool.result(future, None) + 1
    finally:
        pool.shutdown(True, False)


BODIES = {
    "echo": lambda call: call.get("value"),
    "square": lambda call: call["value"] ** 2,
    "whoami": lambda call: {"pid": os.getpid(), "state": kept},
    "gate": gate,
    "sleep": sleep,
    "fail": fail,
    "mark": mark,
    "die": die,
    "blob": lambda call: "x" * call["count"],
    "print": print_text,
    "read_stdin": lambda call: len(sys.stdin.buffer.read()),
    "child": lambda call: subprocess.run(["true"]).returncode,
    "nest": nest,
    "ignore_term": ignore_term,
    "getenv": lambda call: os.environ.get(call["text"]),
}


def run_call(call, role=""):
    """Runs a call: as a task, or as an initializer when the role is `init_`."""
    record(role + "begin", call["tag"])
    try:
        value = BODIES[call["run"]](call)
    except BaseException:
        # Not only what bodies raise themselves: a signal's handler may interrupt any of them.
        record(role + "failed", call["tag"])
        raise
    if call.get("poison") in ("encode_result", "decode_result"):
        value = Poison(call["poison"])
    record(role + "end", call["tag"])
    return value
