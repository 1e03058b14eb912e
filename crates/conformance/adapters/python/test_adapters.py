"""Tests the Python adapters against the contract, without the suite.

    python3 crates/conformance/adapters/python/test_adapters.py [NAME...]

A name is a file without its ending, or with a start method: `loky_pool`, `"futures spawn"`. Whether a
pool behaves is not asked here: only whether its adapter speaks the contract. One whose package is not
installed is skipped, with a word on it; that an adapter says so itself is tested with futures.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKSPACE = HERE.parents[3]
SCHEMA = json.loads((WORKSPACE / "crates/contract/schemas/description.json").read_text())
INSTALLED = WORKSPACE / "crates/bench/peers/.venv/bin/python"
# Ends a hang; the scenarios take a second or two.
RUN_SECONDS = 60
START_METHODS = ("fork", "spawn", "forkserver")
ADAPTERS = [f"{it} {how}" for it in ("futures", "multiprocessing_pool") for how in START_METHODS]
ADAPTERS += ["loky_pool", "pebble_pool", "billiard_pool", "mpire_pool", "template"]


class Wrong(Exception):
    """An action of an adapter that the contract does not allow."""


class NotInstalled(Exception):
    """Why an adapter cannot be tested here."""


def require(condition, text):
    if not condition:
        raise Wrong(text)


def command(adapter, python=INSTALLED):
    name, *method = adapter.split()
    return [python if python.exists() else sys.executable, HERE / f"{name}.py", *method]


def call(run, tag, **more):
    return {"run": run, "tag": tag, **more}


def new(pool, **options):
    return {"do": "new", "pool": pool, "options": {"max_workers": 2, **options}}


def submit(pool, future, body):
    return {"do": "submit", "pool": pool, "future": future, "call": body}


def result(future):
    return {"do": "result", "future": future}


def shutdown(pool):
    return {"do": "shutdown", "pool": pool, "wait": True, "cancel": False}


class Run:
    """The outcome of some steps in an adapter: its exit code, its lines, and the trace."""

    def __init__(self, adapter, steps):
        scenario = {"contract": 1, "case": "test", "clients": [{"name": "main", "steps": steps}]}
        with tempfile.TemporaryDirectory() as folder:
            try:
                program = subprocess.run(
                    [*command(adapter), "run"], input=json.dumps(scenario), text=True, cwd=WORKSPACE,
                    capture_output=True, timeout=RUN_SECONDS,
                    env={**os.environ, "CONFORMANCE_DIR": folder},
                )
            except subprocess.TimeoutExpired as hang:
                raise Wrong(f"it has not ended after {RUN_SECONDS} s: {hang.stderr}") from None
            trace = Path(folder, "trace")
            self.trace = parsed(trace.read_text()) if trace.exists() else []
        self.code, self.stderr = program.returncode, program.stderr
        self.lines = parsed(program.stdout)

    def outcomes(self, steps):
        """Checks that each step has its two lines, in order, and returns what came of them."""
        require(self.code == 0, f"exit code {self.code}: {self.stderr}")
        seen = [(line["client"], line["step"], line["is"]) for line in self.lines]
        expected = [("main", step, is_) for step in range(len(steps)) for is_ in ("begin", "end")]
        require(seen == expected, f"lines {seen}")
        times = [line["at"] for line in self.lines]
        require(times == sorted(times), f"times {times}")
        return [line["outcome"] for line in self.lines if line["is"] == "end"]


def parsed(text):
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        raise Wrong(f"not lines of JSON: {text!r}") from None


def described(adapter):
    program = subprocess.run(
        [*command(adapter), "describe"], capture_output=True, text=True, timeout=RUN_SECONDS
    )
    if program.returncode == 1 and "is not installed" in program.stderr:
        raise NotInstalled(program.stderr.strip())
    require(program.returncode == 0, f"describe exits with {program.returncode}: {program.stderr}")
    (description,) = parsed(program.stdout)
    return description


def words(schema):
    """Returns the words of a closed list, which the schema has with or without a text for each."""
    if "$ref" in schema:
        return words(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    found = set(schema.get("enum", [])) | ({schema["const"]} if "const" in schema else set())
    for choice in schema.get("oneOf", []) + schema.get("anyOf", []):
        found |= words(choice)
    return found


def test_description(adapter, description):
    require(set(SCHEMA["required"]) <= set(description), f"fields {sorted(description)}")
    require(description["contract"] == 1, "another version of the contract")
    unknown = set(description["capabilities"]) - words(SCHEMA["$defs"]["Capability"])
    require(not unknown, f"unknown capabilities {unknown}")
    policies = SCHEMA["$defs"]["Policies"]["properties"]
    for name, choice in description["policies"].items():
        require(name in policies, f"unknown policy {name}")
        require(choice in words(policies[name]), f"policy {name} cannot be {choice}")
    method = adapter.split()[1:]
    require(not method or description["start_method"] == method[0], description["start_method"])


def test_core(adapter, description):
    # Two pools, since a scenario that mixes tasks and maps is already a question to some.
    initializer = call("mark", "init")
    if "initargs" in description["capabilities"]:
        initializer["value"] = "kept"
    steps = [
        new("tasks", initializer=initializer),
        submit("tasks", "a", call("square", "a", value=7)),
        submit("tasks", "b", call("fail", "b", text="as told")),
        submit("tasks", "c", call("whoami", "c")),
        result("a"), result("b"), result("c"),
        shutdown("tasks"),
        new("maps"),
        {"do": "map", "pool": "maps", "calls": [call("square", f"m{n}", value=n) for n in range(4)]},
        shutdown("maps"),
    ]
    run = Run(adapter, steps)
    outcomes = run.outcomes(steps)
    for step in (0, 1, 2, 3, 7, 8, 10):
        require(outcomes[step] == {"ok": None}, f"step {step}: {outcomes[step]}")
    require(outcomes[4] == {"ok": 49}, outcomes[4])
    error = outcomes[5].get("error", {})
    require((error.get("class"), error.get("message")) == ("task", "as told"), outcomes[5])
    require(outcomes[9] == {"ok": [{"ok": n * n} for n in range(4)]}, outcomes[9])

    events = {(event["tag"], event["event"]): event for event in run.trace}
    told = {"a": "end", "b": "failed", "c": "end", **{f"m{n}": "end" for n in range(4)}}
    tasks = {(tag, event) for tag, end in told.items() for event in ("begin", end)}
    initialized = {("init", "init_begin"), ("init", "init_end")}
    require(set(events) == tasks | initialized, f"trace {sorted(events)}")
    for tag, end in told.items():
        begin, end = events[tag, "begin"], events[tag, end]
        require(begin["pid"] == end["pid"] and begin["at"] <= end["at"], f"{begin}, {end}")
        require(begin["pid"] != begin["ppid"], f"{begin}")
    worker = events["c", "begin"]["pid"]
    require(outcomes[6] == {"ok": {"pid": worker, "state": initializer.get("value")}}, outcomes[6])
    order = [event["event"] for event in run.trace if event["pid"] == worker]
    require(order[:2] == ["init_begin", "init_end"], f"worker {worker}: {order}")


def test_errors(adapter, description):
    steps = [
        new("p"), shutdown("p"), submit("p", "late", call("echo", "late")), result("late"),
        new("none", max_workers=0),
    ]
    classes = [None, None, "rejected", "invalid", "invalid"]
    if adapter == "mpire_pool":  # It starts again after it has ended.
        del steps[1:3], classes[1:3]
    if "checks_max_workers" not in description["capabilities"]:
        del steps[-1], classes[-1]
    for step, expected, outcome in zip(steps, classes, Run(adapter, steps).outcomes(steps)):
        require(outcome.get("error", {}).get("class") == expected, f"{step}: {outcome}")


def test_missing_capabilities(adapter, description):
    """Each is asked for in a scenario that begins like any other; nothing of it may be carried out."""
    asked = {
        "cancel": [submit("p", "a", call("echo", "a")), {"do": "cancel", "future": "a"}],
        "idle_timeout": [new("q", idle_timeout=1000)],
        "task_timeout": [new("q", task_timeout=1000)],
        "max_tasks_per_child": [new("q", max_tasks_per_child=1)],
        "env": [new("q", env={"A": "b"})],
        "initargs": [new("q", initializer=call("mark", "init", value=1))],
        "nested": [submit("p", "a", call("nest", "a", count=1))],
        "worker_death": [submit("p", "a", call("die", "a", code=1))],
        "shutdown_cancel": [{"do": "shutdown", "pool": "p", "wait": True, "cancel": True}],
        "buffersize": [{"do": "map", "pool": "p", "calls": [], "options": {"buffersize": 1}}],
        "unordered": [{"do": "map", "pool": "p", "calls": [], "options": {"unordered": True}}],
        "kill_workers": [{"do": "kill_workers", "pool": "p"}],
        "drop": [{"do": "drop", "pool": "p"}],
    }
    missing = asked.keys() - set(description["capabilities"])
    require(missing, "no pool has all of these: the list is too short")
    for word in sorted(missing):
        run = Run(adapter, [new("p"), *asked[word]])
        require(run.code == 77, f"{word}: exit code {run.code}, {run.stderr}")
        require(word in run.stderr, f"standard error does not say {word}: {run.stderr!r}")
        require(not run.lines and not run.trace, f"{word}: something was carried out, {run.lines}")


def test_printing(adapter, description):
    if "stdio" not in description["capabilities"]:
        return
    # The output looks like lines of the contract, and like the beginning of one.
    text = json.dumps({"client": "main", "step": 0, "at": 1, "is": "begin"})
    steps = [new("p")]
    printing = [call("print", f"f{n}", count=200, text=text + "\n{") for n in range(4)]
    steps += [submit("p", body["tag"], body) for body in printing]
    steps += [result(f"f{n}") for n in range(4)] + [shutdown("p")]
    run = Run(adapter, steps)
    require(all("ok" in outcome for outcome in run.outcomes(steps)), f"{run.lines}")
    require(run.stderr.count(text) == 800, f"{run.stderr.count(text)} of 800 texts were printed")


def test_missing_package():
    """Asks an interpreter that does not see installed packages, because of -S."""
    program = subprocess.run(
        [sys.executable, "-S", HERE / "loky_pool.py", "describe"], capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    require(program.returncode == 1, f"exit code {program.returncode}")
    require("loky is not installed" in program.stderr, program.stderr)
    require(not program.stdout, program.stdout)


def main(names):
    unknown = [it for it in names if it not in ADAPTERS + [known.split()[0] for known in ADAPTERS]]
    if unknown:
        sys.exit(f"no such adapters: {', '.join(unknown)}; there are {', '.join(ADAPTERS)}")
    passed = tried("a missing package", test_missing_package)
    for adapter in ADAPTERS:
        if not names or adapter in names or adapter.split()[0] in names:
            passed &= test_adapter(adapter)
    return 0 if passed else 1


def test_adapter(adapter):
    """Runs every test with one adapter, and returns whether all have passed."""
    try:
        description = described(adapter)
    except (Wrong, NotInstalled) as reason:
        print(f"{adapter}: {'skipped' if isinstance(reason, NotInstalled) else 'FAILED'}, {reason}")
        return isinstance(reason, NotInstalled)
    tests = (test_description, test_core, test_errors, test_missing_capabilities, test_printing)
    passed = [tried(f"{adapter}: {test.__name__}", test, adapter, description) for test in tests]
    return all(passed)


def tried(what, test, *arguments):
    try:
        test(*arguments)
    except Wrong as fault:
        print(f"{what}: FAILED, {fault}", flush=True)
        return False
    print(f"{what}: passed", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
