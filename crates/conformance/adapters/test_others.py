"""Runs the Node, Perl, Ruby and R adapters through what every adapter must do, and checks what they write.

    python3 crates/conformance/adapters/test_others.py [NAME...]

The suite judges pools; this judges adapters. Each gets a line. One whose pool is not installed is
skipped, and when all are, that is a failure.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from adapter_process import SECONDS, Wrong, describe, json_lines, require, run, scratch

ADAPTERS = Path(__file__).resolve().parent
SCHEMA = ADAPTERS.parents[1] / "contract/schemas/description.json"
UNSUPPORTED = 77

COMMANDS = {
    "workerpool": ["node", "node/workerpool.mjs"],
    "tinypool": ["node", "node/tinypool.mjs"],
    "jest_worker": ["node", "node/jest_worker.mjs"],
    "mce": ["perl", "perl/mce.pl"],
    "parallel": ["ruby", "ruby/parallel.rb"],
    "cluster": ["sh", "r/cluster.R"],
    "future": ["sh", "r/future.R"],
}
# The programs whose workers are no children of theirs: a shell has started them, and ended.
DETACHED = {"cluster.R", "future.R"}


class NotInstalled(Exception):
    """Why an adapter cannot be checked."""


def words(schema, name):
    """The words of a closed list of the contract."""
    return {choice["const"] for choice in schema["$defs"][name]["oneOf"]}


def policy_words(schema):
    """The words of each policy."""
    found = {}
    for policy, about in schema["$defs"]["Policies"]["properties"].items():
        (name,) = re.findall(r"#/\$defs/(\w+)", json.dumps(about))
        found[policy] = words(schema, name)
    return found


def check_description(description):
    schema = json.loads(SCHEMA.read_text())
    keys = set(schema["properties"])
    require(set(description) == keys, f"its keys are {sorted(description)}, not {sorted(keys)}")
    require(description["contract"] == 1, f"it speaks version {description['contract']}")
    for key in ("implementation", "version", "language", "start_method"):
        require(isinstance(description[key], str) and description[key], f"no text for {key}")
    capabilities = description["capabilities"]
    require(len(set(capabilities)) == len(capabilities), f"a capability twice: {capabilities}")
    unknown = set(capabilities) - words(schema, "Capability")
    require(not unknown, f"unknown capabilities: {unknown}")
    require({"submit", "map"} & set(capabilities), "it can neither submit nor map")
    known = policy_words(schema)
    for policy, choice in description["policies"].items():
        require(choice in known.get(policy, ()), f"unknown: {policy} {choice}")
    # Those that the suite asks each pool for.
    for policy in ("start", "program_end"):
        require(policy in description["policies"], f"no policy {policy}")


def call(body, tag, **more):
    return {"run": body, "tag": tag, **more}


def new(**options):
    return {"do": "new", "pool": "p", "options": options}


def as_tasks(has, calls):
    """The steps that have calls run, as the pool can: futures or a map."""
    if "map" in has:
        return [{"do": "map", "pool": "p", "calls": calls}]
    submits = [{"do": "submit", "pool": "p", "future": it["tag"], "call": it} for it in calls]
    return submits + [{"do": "result", "future": it["tag"]} for it in calls]


def outcomes(made, steps):
    """The outcomes of what `as_tasks` made, in the order of the calls."""
    found = []
    ends = [line["outcome"] for line in made.lines if line["is"] == "end"]
    for step, end in zip(steps, ends):
        if step["do"] == "map":
            require("ok" in end, f"the map failed: {end}")
            found += end["ok"]
        elif step["do"] == "result":
            found.append(end)
    return found


SHUTDOWN = {"do": "shutdown", "pool": "p", "wait": True, "cancel": False}


def check_lines(made, steps):
    """Two lines for each step and nothing else, in their order."""
    require(made.code == 0, f"exit code {made.code}: {made.stderr[:500]!r}")
    place = [(line["client"], line["step"], line["is"]) for line in made.lines]
    expected = [("main", step, moment) for step in range(len(steps)) for moment in ("begin", "end")]
    require(place == expected, f"the lines are {place}")
    for line in made.lines:
        keys = {"client", "step", "at", "is"} | ({"outcome"} if line["is"] == "end" else set())
        require(set(line) == keys, f"the keys of a line are {sorted(line)}")


def check_core(command, has):
    calls = [
        call("square", "a", value=7),
        call("echo", "b", value={"list": [1, 2.5, None, True, "é"]}),
        call("whoami", "c"),
        call("gate", "d", gate="d", value="open"),
        call("gate", "e", gate="e", value="open, too"),
    ]
    state = {"name": "worker", "limits": [1, 2.5, None]}
    prepared = {"initializer": call("mark", "init", value=state)} if "initargs" in has else {}
    steps = [new(max_workers=2, **prepared), *as_tasks(has, calls), SHUTDOWN]
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    made = run(command, steps, gates=("d", "e"))
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    check_lines(made, steps)
    for times in ([line["at"] for line in made.lines], [event["at"] for event in made.trace]):
        require(all(type(at) is int and before < at < after for at in times), f"times: {times}")
    require(made.lines == sorted(made.lines, key=lambda line: line["at"]), "a line of the past")

    found = outcomes(made, steps)
    require(found[0] == {"ok": 49}, f"the square is {found[0]}")
    require(found[1] == {"ok": calls[1]["value"]}, f"the echo is {found[1]}")
    require([found[3], found[4]] == [{"ok": "open"}, {"ok": "open, too"}], f"gates: {found}")
    check_trace(made, calls, prepared, is_parent=Path(command[1]).name not in DETACHED)
    (began,) = [it["pid"] for it in made.trace if (it["event"], it["tag"]) == ("begin", "c")]
    state = state if prepared else None
    require(found[2] == {"ok": {"pid": began, "state": state}}, f"whoami is {found[2]}")


def check_trace(made, calls, prepared, is_parent):
    """Each call begins and ends once, in a child that an initializer has run in, once, before."""
    for tag in [it["tag"] for it in calls]:
        events = sorted((it["at"], it["event"], it["pid"]) for it in made.trace if it["tag"] == tag)
        kinds = [kind for _, kind, _ in events]
        require(kinds == ["begin", "end"], f"the events of {tag} are {kinds}")
        require(events[0][2] == events[1][2], f"{tag} began in one process and ended in another")
    for event in made.trace:
        require(set(event) == {"pid", "ppid", "at", "event", "tag"}, f"an event: {event}")
        right = (event["ppid"] == made.pid) == is_parent and event["pid"] != made.pid
        require(right, f"its parent is not as known: {event}")
    workers = {it["pid"] for it in made.trace}
    require(made.pid not in workers, "a call ran in the program itself")
    for pid in workers if prepared else ():
        of_worker = sorted((it["at"], it["event"]) for it in made.trace if it["pid"] == pid)
        kinds = [kind for _, kind in of_worker]
        initialized = kinds[:2] == ["init_begin", "init_end"] and kinds.count("init_begin") == 1
        require(initialized, f"the events of a worker are {kinds}")


def check_failure(command, has):
    """The error of a task has its class and message, and is told of in the trace."""
    calls = [call("fail", "a", text="this went wrong"), call("square", "b", value=3)]
    # One after the other: a map may end with its first error.
    tasks = [step for it in calls for step in as_tasks(has, [it])]
    steps = [new(max_workers=1), *tasks, SHUTDOWN]
    made = run(command, steps)
    check_lines(made, steps)
    failed, squared = outcomes(made, steps)
    error = failed.get("error", {})
    right = error.get("class") == "task" and "this went wrong" in error.get("message", "")
    require(right, f"the failure is {failed}")
    require(("remote_trace" in has) == bool(error.get("trace")), f"the trace of {failed}")
    require(squared == {"ok": 9}, f"after a failure came {squared}")
    events = [it["event"] for it in made.trace if it["tag"] == "a"]
    require(events == ["begin", "failed"], f"the events of a failure are {events}")


def needing(do, **more):
    """Steps of which the last needs a capability, and nothing else is wrong with them."""
    return [new(max_workers=1), {"do": do, "pool": "p", **more}]


def with_option(**options):
    return [new(max_workers=1, **options)]


def check_initializer(command, has):
    """The error of an initializer is not that of a task."""
    if "initializer" not in has:
        return
    calls = [call("square", "a", value=3)]
    initializer = call("fail", "init", text="this could not be set up")
    steps = [new(max_workers=1, initializer=initializer), *as_tasks(has, calls), SHUTDOWN]
    made = run(command, steps)
    check_lines(made, steps)
    # A pool that starts its workers at once may fail then.
    failed = made.lines[1]["outcome"]
    if "ok" in failed:
        (failed,) = outcomes(made, steps)
    require(failed.get("error", {}).get("class") == "broken", f"the outcome is {failed}")
    if "initializer_cause" in has:
        require("this could not be set up" in failed["error"]["message"], f"no cause: {failed}")
    events = [it["event"] for it in made.trace]
    # A pool may try it again in another worker, and no task may run.
    require(events[:2] == ["init_begin", "init_failed"], f"the events are {events}")
    require("begin" not in events, f"a task ran: {events}")


# Steps that need a capability each.
NEEDY = {
    "initializer": with_option(initializer=call("mark", "i")),
    "initargs": with_option(initializer=call("mark", "i", value=1)),
    "submit": needing("submit", future="f", call=call("echo", "f")),
    "map": needing("map", calls=[call("echo", "a")]),
    "max_tasks_per_child": with_option(max_tasks_per_child=1),
    "idle_timeout": with_option(idle_timeout=10),
    "task_timeout": with_option(task_timeout=10),
    "env": with_option(env={"A": "b"}),
    "lazy_map": needing("map_open", map="m", calls=[]),
    "result_timeout": [{"do": "result", "future": "f", "timeout": 1}],
    "state": [{"do": "state", "future": "f"}],
    "callbacks": [{"do": "callback", "future": "f", "label": "c", "fails": False}],
    "cancel": [{"do": "cancel", "future": "f"}],
    "wait": [{"do": "wait", "futures": [], "until": "all_completed"}],
    "as_completed": [{"do": "as_completed", "futures": []}],
    "drop": needing("drop"),
    "kill_workers": needing("kill_workers"),
    "shutdown_nowait": needing("shutdown", wait=False, cancel=False),
    "shutdown_cancel": needing("shutdown", wait=True, cancel=True),
    "worker_death": with_option(initializer=call("die", "i", code=1)),
    "poison_decode_result": with_option(initializer=call("echo", "i", poison="decode_result")),
}


def check_refusals(command, has):
    """A scenario with a missing capability is refused as a whole, before its first step, and by name."""
    for capability in [it for it in NEEDY if it not in has]:
        made = run(command, NEEDY[capability])
        require(made.code == UNSUPPORTED, f"exit code {made.code} where {capability} is missing")
        require(made.stdout == "" and made.trace == [], f"it began without {capability}")
        step = NEEDY[capability][-1]["do"]
        require(capability in made.stderr or step in made.stderr, f"no reason: {made.stderr!r}")


def check_printing(command, has):
    """The output of tasks is no line of the contract, and none of it is lost."""
    text = '{"client": "main", "step": 0, "at": 1, "is": "begin"}\n'
    times = 2000
    calls = [call("print", tag, text=text, count=times) for tag in "abc"]
    steps = [new(max_workers=2), *as_tasks(has, calls), SHUTDOWN]
    made = run(command, steps)
    check_lines(made, steps)
    require(outcomes(made, steps) == [{"ok": None}] * 3, f"it ended with {made.lines}")
    printed = made.stderr.count(text)
    require(printed == 3 * times, f"{printed} of {3 * times} printed lines are on standard error")


def check_bad_input(command, _has):
    for text in ("", "no JSON", '{"contract": 999, "case": "x", "clients": []}'):
        given = {"input": text, "capture_output": True, "text": True, "timeout": SECONDS}
        made = subprocess.run([*command, "run"], **given)
        require(made.returncode == 1, f"exit code {made.returncode} for {text!r}")
        require("scenario" in made.stderr and made.stdout == "", f"it says {made.stderr!r}")


def check_missing_pool(command):
    """Without its pool, it says on standard error what is missing and how to get it."""
    with scratch() as folder:
        if command[0] == "node":
            # As deep as here, but with no packages beside it.
            copied = folder / "crates" / "conformance" / "adapters" / "node"
            shutil.copytree(ADAPTERS / "node", copied)
            made = describe(["node", copied / Path(command[1]).name])
        elif command[0] == "perl":
            (folder / "MCE.pm").write_text("die 'this is no MCE';")
            made = describe(command, PERL5LIB=str(folder))
        elif command[0] == "sh":
            # Part of R, but for the encoder.
            made = describe(command, R_LIBS_SITE=str(folder), R_LIBS_USER=str(folder))
        else:
            (folder / "parallel.rb").write_text("raise LoadError, 'this is no gem'")
            made = describe(command, RUBYLIB=str(folder))
    require(made.returncode == 1, f"exit code {made.returncode} without its pool")
    require("is not installed" in made.stderr, f"without its pool it says {made.stderr!r}")
    require(made.stdout == "", f"without its pool it is {made.stdout!r}")


CHECKS = {
    "core": check_core,
    "failure": check_failure,
    "initializer": check_initializer,
    "refusals": check_refusals,
    "printing": check_printing,
    "bad input": check_bad_input,
}


def check(name):
    words = COMMANDS[name]
    if shutil.which(words[0]) is None:
        raise NotInstalled(f"there is no {words[0]}")
    command = [words[0], str(ADAPTERS / words[1])]
    check_missing_pool(command)
    made = describe(command)
    if made.returncode == 1 and "is not installed" in made.stderr:
        raise NotInstalled(made.stderr.strip())
    require(made.returncode == 0, f"describe: exit code {made.returncode}: {made.stderr!r}")
    (description,) = json_lines(made.stdout, "the description")
    check_description(description)
    has = set(description["capabilities"])
    if "initargs" in has:
        has.add("initializer")
    for title, checker in CHECKS.items():
        try:
            checker([*command, "run"] if checker is not check_bad_input else command, has)
        except Wrong as wrong:
            raise Wrong(f"{title}: {wrong}") from None
    return f"{description['implementation']} {description['version']} on {description['language']}"


def main(names):
    unknown = set(names) - set(COMMANDS)
    if unknown:
        print(f"there are no adapters {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    passed = failed = 0
    for name in names or COMMANDS:
        try:
            print(f"ok       {name}: {check(name)}", flush=True)
            passed += 1
        except NotInstalled as reason:
            print(f"skipped  {name}: {reason}", flush=True)
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            print(f"FAILED   {name}: {wrong}", flush=True)
            failed += 1
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
