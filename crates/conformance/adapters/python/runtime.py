"""The part that all Python adapters share. An adapter needs no other file beside itself.

    stdin ──scenario──▶ main ──▶ Session ──step──▶ the adapter's Pool ──call──▶ run_call, in a worker
                                   └──line──▶ a duplicate of stdout                └──event──▶ the trace

In this order: the folder of a run (clock, trace, gates) · calls, as they run in workers · `Pool`,
which an adapter fills in · errors in the words of the contract · what a scenario needs · `Session`,
which carries one out · the commands.

Owns what the contract (book/src/contract.md) asks of an adapter. Must not know any pool: an adapter is
a class that uses one as its users do, and what it inherits are the steps as `concurrent.futures` has
them. Workers import this module by its name, whatever started them, so importing it does nothing.
"""

import concurrent.futures
import gc
import importlib
import json
import multiprocessing
import os
import pickle
import platform
import signal
import subprocess
import sys
import threading
import time

CONTRACT = 1
UNSUPPORTED = 77
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


# ---- calls, as they run in workers ----


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


class BodyFailed(Exception):
    """The ordinary error that bodies fail with."""


kept = {}  # What `mark` has kept in this process.


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
        print(call["text"], end="", flush=True)


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
    "whoami": lambda call: {"pid": os.getpid(), "state": kept.get("value")},
    "gate": gate,
    "sleep": sleep,
    "fail": fail,
    "mark": lambda call: kept.update(value=call.get("value")),
    "die": die,
    "blob": lambda call: "x" * call["count"],
    "print": print_text,
    "read_stdin": lambda call: len(sys.stdin.buffer.read()),
    "child": lambda call: subprocess.run(["sh", "-c", f"exit {call.get('code', 0)}"]).returncode,
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


# ---- what an adapter fills in ----

# The usual traits of this language's pools: bodies are ordinary functions, errors are exceptions.
COMMON = (
    "submit map initargs default_max_workers result_timeout error_message remote_trace blob stdio"
    " child_process ignore_term getenv poison_encode_argument poison_decode_argument"
    " poison_encode_result poison_decode_result several_pools open_file"
)


class Pool:
    """One pool, used as its users use it. Its futures are those of `concurrent.futures` by default.

    An adapter's class has the methods `__init__(start_method, options)`; `submit(call)`, which returns
    a future; `map(calls, options)`, which returns the iterator over results that the pool gives its
    users; `shutdown(wait, cancel)`; and with the capability of that name `kill_workers()`.
    """

    IMPLEMENTATION = VERSION = None
    START_METHODS = ()  # Those that the adapter can be asked for; the first is its default.
    CAPABILITIES = COMMON
    POLICIES = {}

    @classmethod
    def capabilities(cls, start_method):
        return set(cls.CAPABILITIES.split())

    @classmethod
    def policies(cls, start_method):
        return cls.POLICIES

    @staticmethod
    def result(future, timeout):
        try:
            return future.result(timeout)
        finally:
            # The traceback of an error has this frame, which would keep the future, which keeps the error.
            del future

    @staticmethod
    def classify(error, step):
        """Returns the contract's class for an error that the step `step` met; None for the default."""

    @staticmethod
    def status(error):
        """Returns how the worker ended (`exit 3`, `signal 9`) if the error says so."""


def initializer(options):
    """Returns the initializer and its arguments."""
    call = options.get("initializer")
    return (None, ()) if call is None else (run_call, (call, "init_"))


def chosen(**arguments):
    """Leaves out what was not chosen, so that a pool's own defaults are what counts."""
    return {name: value for name, value in arguments.items() if value is not None}


def seconds(milliseconds):
    return None if milliseconds is None else milliseconds / 1000


def exit_status(code):
    return f"signal {-code}" if code < 0 else f"exit {code}"


def require(module):
    """Imports a package that has to be installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        sys.exit(f"{module} is not installed ({error}): run crates/bench/peers/install, and this"
                 " adapter with crates/bench/peers/.venv/bin/python")


# ---- errors ----


class Missing(Exception):
    """A name that stands for nothing, as when the step that should have made it has failed."""


# The classes of this language's errors, for every step.
CLASSES = {
    (BodyFailed, KeyboardInterrupt): "task",
    (concurrent.futures.BrokenExecutor,): "broken",
    (concurrent.futures.CancelledError,): "cancelled",
    (TimeoutError, concurrent.futures.TimeoutError, multiprocessing.TimeoutError): "timeout",
    (pickle.PickleError,): "serialisation",
}


def classify(error, step):
    for types, word in CLASSES.items():
        if isinstance(error, types):
            return word
    if step in ("submit", "map", "map_open") and "after shutdown" in str(error):
        return "rejected"
    if step in ("new", "map", "map_open") and isinstance(error, (ValueError, TypeError)):
        return "invalid"
    return "other"


def failure(pool_class, error, step):
    """Returns the outcome that an error is. Its causes are in its message, but a task's is its trace."""
    found = {
        "class": pool_class.classify(error, step) or classify(error, step),
        "message": str(error),
        "type": type(error).__name__,
    }
    cause = error.__cause__
    if found["class"] == "task":
        found |= chosen(trace=cause and str(cause))
    else:
        while cause is not None:
            found["message"] += f"\n{cause}"
            cause = cause.__cause__
    return {"error": found | chosen(status=pool_class.status(error))}


# ---- what a scenario needs ----

STEP_NEEDS = {
    "submit": "submit", "map": "map", "cancel": "cancel", "state": "state", "callback": "callbacks",
    "wait": "wait", "as_completed": "as_completed", "map_open": "lazy_map", "map_next": "lazy_map",
    "map_close": "lazy_map", "kill_workers": "kill_workers", "drop": "drop", "open_file": "open_file",
}
BODY_NEEDS = {
    "die": "worker_death", "blob": "blob", "print": "stdio", "read_stdin": "stdio",
    "child": "child_process", "nest": "nested", "ignore_term": "ignore_term", "getenv": "getenv",
}
NEW_NEEDS = {it: it for it in ("max_tasks_per_child", "idle_timeout", "task_timeout", "env")}
MAP_NEEDS = {it: it for it in ("chunksize", "buffersize", "unordered")} | {"timeout": "map_timeout"}


class Unsupported(Exception):
    """Which part of a scenario the adapter cannot express, because a capability is missing."""


def needs_of_options(options, words):
    # Zero is a choice, if one that makes no sense.
    chose = {name for name, value in options.items() if value or value == 0 and value is not False}
    return {words[name] for name in words if name in chose}


def needs_of_call(call):
    """Returns the capabilities without which a call cannot run; no pool has a body that there is not."""
    needs = {BODY_NEEDS[call["run"]]} if call["run"] in BODY_NEEDS else set()
    if call["run"] not in BODIES:
        needs.add(f"the body {call['run']}")
    return needs | ({f"poison_{call['poison']}"} if call.get("poison") else set())


def needs_of_step(step):
    """Returns the capabilities without which a step cannot be carried out."""
    do, options = step["do"], step.get("options", {})
    needs = {STEP_NEEDS[do]} if do in STEP_NEEDS else set()
    if not hasattr(Session, f"do_{do}"):
        needs.add(f"the step {do}")
    calls = [step["call"]] if "call" in step else step.get("calls", [])
    if do == "new":
        needs |= needs_of_options(options, NEW_NEEDS)
        workers = options.get("max_workers")
        if workers is None or workers < 1:
            needs.add("default_max_workers" if workers is None else "checks_max_workers")
        initializer = options.get("initializer")
        calls = [initializer] if initializer else []
        if initializer:
            needs.add("initializer" if initializer.get("value") is None else "initargs")
    elif do in ("map", "map_open"):
        needs |= needs_of_options(options, MAP_NEEDS)
    elif do == "result":
        needs |= needs_of_options(step, {"timeout": "result_timeout"})
    elif do == "callback":
        needs |= {"state"} if step.get("reads") else set()
    elif do == "shutdown":
        needs |= needs_of_options(step, {"cancel": "shutdown_cancel"})
        needs |= set() if step["wait"] else {"shutdown_nowait"}
    return needs.union(*map(needs_of_call, calls))


def check(scenario, capabilities):
    """Refuses a scenario before anything of it is carried out."""
    if scenario["contract"] != CONTRACT:
        raise ValueError(
            f"this adapter speaks version {CONTRACT} of the contract, not {scenario['contract']}"
        )
    if "initargs" in capabilities:
        capabilities = {*capabilities, "initializer"}
    if len(scenario["clients"]) > 1 and "threads" not in capabilities:
        raise Unsupported("several clients need threads")
    for client in scenario["clients"]:
        for index, step in enumerate(client["steps"]):
            place = f"client {client['name']}, step {index} ({step['do']})"
            if missing := needs_of_step(step) - capabilities:
                raise Unsupported(f"{place} needs {', '.join(sorted(missing))}")


# ---- a scenario that is carried out ----


class Session:
    """All clients of a scenario, with the names and the output that they share."""

    def __init__(self, pool_class, start_method, output):
        self.pool_class = pool_class
        self.start_method = start_method
        self.output = output
        self.writing = threading.Lock()
        self.named = {"pool": {}, "future": {}, "map": {}}
        self.crashed = False

    def run(self, clients):
        threads = [threading.Thread(target=self.run_client, args=(it,)) for it in clients[1:]]
        for thread in threads:
            thread.start()
        self.run_client(clients[0])
        for thread in threads:
            thread.join()

    def run_client(self, client):
        try:
            for index, step in enumerate(client["steps"]):
                self.write(client, index, {"is": "begin"})
                outcome = self.outcome(step["do"], getattr(self, f"do_{step['do']}"), step)
                self.write(client, index, {"is": "end", "outcome": outcome})
        except BaseException:
            # A fault of the adapter in any thread is a fault of the program.
            self.crashed = True
            raise

    def write(self, client, index, moment):
        line = {"client": client["name"], "step": index, "at": now(), **moment}
        rest = json.dumps(line).encode() + b"\n"
        with self.writing:
            while rest:
                rest = rest[os.write(self.output, rest) :]

    def outcome(self, do, function, *arguments):
        try:
            return {"ok": function(*arguments)}
        except StopIteration:
            raise
        except Missing as error:
            # No pool has made it, so no adapter is asked what it is.
            return {"error": {"class": "invalid", "message": str(error)}}
        except BaseException as error:
            # One that interrupted a task has come from a worker, with a cause. Another one is ours.
            if isinstance(error, KeyboardInterrupt) and error.__cause__ is None:
                raise
            return failure(self.pool_class, error, do)

    def find(self, kind, name):
        if name not in self.named[kind]:
            raise Missing(f"no {kind} is called {name}: the step that makes it has failed, or is none")
        return self.named[kind][name]

    def of(self, kind, step):
        return self.find(kind, step[kind])

    def forget(self, kind, step):
        self.of(kind, step)
        del self.named[kind][step[kind]]
        gc.collect()

    def prepared(self, call):
        """Adds to a call what it needs on its way that is not in the scenario."""
        if call["run"] == "nest":
            adapter = os.path.splitext(os.path.basename(sys.argv[0]))[0]
            call = {**call, "adapter": adapter, "start_method": self.start_method}
        if call.get("poison") in ("encode_argument", "decode_argument"):
            call = {**call, "poison": Poison(call["poison"])}
        return call

    def do_new(self, step):
        options = dict(step.get("options", {}))
        if options.get("initializer"):
            options["initializer"] = self.prepared(options["initializer"])
        self.named["pool"][step["pool"]] = self.pool_class(self.start_method, options)

    def do_submit(self, step):
        future = self.of("pool", step).submit(self.prepared(step["call"]))
        self.named["future"][step["future"]] = future

    def do_result(self, step):
        return self.pool_class.result(self.of("future", step), seconds(step.get("timeout")))

    def open(self, step, inputs):
        calls = inputs([self.prepared(call) for call in step["calls"]])
        return iter(self.of("pool", step).map(calls, step.get("options", {})))

    def take(self, results):
        try:
            return [self.outcome("map_next", next, results)]
        except StopIteration:
            return []

    def do_map(self, step):
        results, outcomes = self.open(step, list), []
        # An iterator that gives more than it was asked for is left, after it has shown that it does.
        while len(outcomes) <= len(step["calls"]) and (item := self.take(results)):
            outcomes += item
        return outcomes

    def do_map_open(self, step):
        self.named["map"][step["map"]] = self.open(step, Inputs)

    def do_map_next(self, step):
        return self.take(self.of("map", step))

    def do_map_close(self, step):
        self.forget("map", step)

    def do_shutdown(self, step):
        self.of("pool", step).shutdown(step["wait"], step["cancel"])

    def do_kill_workers(self, step):
        self.of("pool", step).kill_workers()

    def do_drop(self, step):
        self.forget("pool", step)

    def do_cancel(self, step):
        return self.of("future", step).cancel()

    def do_state(self, step):
        return self.state_of(self.of("future", step))

    @staticmethod
    def state_of(future):
        if future.cancelled():
            return "cancelled"
        return "done" if future.done() else "running" if future.running() else "pending"

    def do_callback(self, step):
        def callback(future):
            state = f" {self.state_of(future)}" if step.get("reads") else ""
            record("callback", step["label"] + state)
            if step.get("fails"):
                raise BodyFailed(f"callback {step['label']}")

        self.of("future", step).add_done_callback(callback)

    def do_wait(self, step):
        futures = {name: self.find("future", name) for name in step["futures"]}
        until, timeout = step["until"].upper(), seconds(step.get("timeout"))
        sets = concurrent.futures.wait(futures.values(), timeout, until)._asdict()
        return {word: [name for name in futures if futures[name] in sets[word]] for word in sets}

    def do_as_completed(self, step):
        names = {self.find("future", name): name for name in step["futures"]}
        order = []
        try:
            for future in concurrent.futures.as_completed(names, seconds(step.get("timeout"))):
                order.append(names[future])
        except concurrent.futures.TimeoutError:
            return {"order": order, "timed_out": True}
        return {"order": order, "timed_out": False}

    def do_open_file(self, step):
        self.opened = open(in_folder("opened"), "w")

    def do_gate(self, step):
        wait_for_gate(step["gate"])


class Inputs:
    """The input of a map that is opened: tells of each call that is taken from it."""

    def __init__(self, calls):
        self.calls = calls

    def __len__(self):
        return len(self.calls)

    def __iter__(self):
        for call in self.calls:
            record("pull", call["tag"])
            yield call


# ---- the commands ----


def describe(pool_class, start_method):
    print(json.dumps({
        "contract": CONTRACT,
        "implementation": pool_class.IMPLEMENTATION,
        "version": pool_class.VERSION,
        "language": f"{platform.python_implementation()} {platform.python_version()}",
        "start_method": start_method,
        "capabilities": sorted(pool_class.capabilities(start_method)),
        "policies": pool_class.policies(start_method),
    }))


def take_stdout():
    """Makes standard error of what workers print, and returns where the lines go."""
    output = os.dup(1)
    os.dup2(2, 1)
    # A worker that outlives this program is not to keep the lines open for their reader. Workers that
    # fork inherit the hook, too; to them the number may mean something else by then.
    open_here = [output]
    os.register_at_fork(after_in_child=lambda: open_here and os.close(open_here.pop()))
    return output


def run(pool_class, start_method):
    """Carries out the scenario on standard input, and returns the exit code."""
    if "CONFORMANCE_DIR" not in os.environ:
        sys.exit("CONFORMANCE_DIR is not set: it names the folder of the trace and the gates")
    output = take_stdout()
    scenario = json.load(sys.stdin)
    try:
        check(scenario, pool_class.capabilities(start_method))
    except Unsupported as reason:
        print(f"unsupported: {reason}", file=sys.stderr)
        return UNSUPPORTED
    session = Session(pool_class, start_method, output)
    session.run(scenario["clients"])
    return 1 if session.crashed else 0


def main(pool_class):
    """Does what the command line says: `[START_METHOD] describe|run`."""
    *chosen_method, command = sys.argv[1:] or [None]
    start_method = chosen_method[0] if chosen_method else pool_class.START_METHODS[0]
    if start_method not in pool_class.START_METHODS or command not in ("describe", "run"):
        sys.exit(f"usage: {sys.argv[0]} [{'|'.join(pool_class.START_METHODS)}] describe|run")
    sys.exit({"describe": describe, "run": run}[command](pool_class, start_method))
