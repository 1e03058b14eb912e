"""Which capabilities a scenario needs.

Owns the table from steps, options and bodies to capabilities, and the version of the contract. Must
not know what any pool has, nor how a step is carried out.
"""

CONTRACT = 1
STEPS = {
    "cancel": "cancel", "state": "state", "callback": "callbacks", "wait": "wait", "drop": "drop",
    "as_completed": "as_completed", "map_open": "lazy_map", "map_next": "lazy_map",
    "map_close": "lazy_map", "kill_workers": "kill_workers", "submit": "submit", "map": "map",
}
BODIES = {
    "die": "worker_death", "blob": "blob", "print": "stdio", "read_stdin": "stdio",
    "child": "child_process", "nest": "nested", "ignore_term": "ignore_term", "getenv": "getenv",
}


class Unsupported(Exception):
    """Which part of a scenario the adapter cannot express, because a capability is missing."""


def needs_of_call(call):
    if call["run"] in BODIES:
        yield BODIES[call["run"]]
    if call.get("poison"):
        yield f"poison_{call['poison']}"


def needs_of_step(step):
    """Yields the capabilities without which a step cannot be carried out."""
    do, options = step["do"], step.get("options", {})
    if do in STEPS:
        yield STEPS[do]
    for call in [step["call"]] if "call" in step else step.get("calls", []):
        yield from needs_of_call(call)
    if do == "new":
        if options.get("max_workers") is None:
            yield "default_max_workers"
        elif options["max_workers"] < 1:
            yield "checks_max_workers"
        yield from (name for name in ("max_tasks_per_child", "idle_timeout", "task_timeout", "env")
                    if options.get(name) not in (None, {}))
        if options.get("initializer"):
            yield from needs_of_call(options["initializer"])
            if options["initializer"].get("value") is not None:
                yield "initargs"
    elif do in ("map", "map_open"):
        words = {"chunksize": "chunksize", "timeout": "map_timeout", "buffersize": "buffersize",
                 "unordered": "unordered"}
        yield from (word for name, word in words.items() if options.get(name) not in (None, False))
    elif do == "result" and step.get("timeout") is not None:
        yield "result_timeout"
    elif do == "shutdown":
        if not step["wait"]:
            yield "shutdown_nowait"
        if step["cancel"]:
            yield "shutdown_cancel"


def check(scenario, capabilities):
    """Refuses a scenario before anything of it is carried out."""
    if scenario["contract"] != CONTRACT:
        raise ValueError(
            f"this adapter speaks version {CONTRACT} of the contract, not {scenario['contract']}"
        )
    if len(scenario["clients"]) > 1 and "threads" not in capabilities:
        raise Unsupported("several clients need threads")
    for client in scenario["clients"]:
        for index, step in enumerate(client["steps"]):
            for need in needs_of_step(step):
                if need not in capabilities:
                    raise Unsupported(
                        f"client {client['name']}, step {index} ({step['do']}) needs {need}"
                    )
