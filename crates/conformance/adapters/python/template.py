"""An adapter to copy: the core tier, here for concurrent.futures. Change the places marked YOURS."""
import json, multiprocessing, os, platform, sys, time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor  # YOURS

DESCRIPTION = {  # YOURS: the words are listed in the book, on the page about the contract
    "contract": 1, "implementation": "template", "version": platform.python_version(),
    "language": "Python", "start_method": "spawn", "capabilities": ["submit", "map", "initargs"],
    "policies": {"map_error": "stop", "start": "on_demand", "program_end": "drain"}}
BODIES = {"echo", "square", "whoami", "gate", "sleep", "fail", "mark"}
kept, pools, futures = None, {}, {}

def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

def in_folder(name):
    return os.path.join(os.environ["CONFORMANCE_DIR"], name)

def wait_for(gate):
    while not os.path.exists(in_folder("gate-" + gate)): time.sleep(0.002)

def record(event, call):
    line = {"pid": os.getpid(), "ppid": os.getppid(), "at": now(), "event": event, "tag": call["tag"]}
    with open(in_folder("trace"), "ab", buffering=0) as trace: trace.write(json.dumps(line).encode() + b"\n")

def run_call(call, role=""):  # Runs in workers: every task and every initializer.
    global kept
    record(role + "begin", call)
    run, value = call["run"], call.get("value")
    if run == "fail":
        record(role + "failed", call)
        raise ArithmeticError(call.get("text"))
    if run == "mark": kept = value
    if run == "gate": wait_for(call["gate"])
    if run == "sleep": time.sleep(call["ms"] / 1000)
    if run == "square": value = value**2
    if run == "whoami": value = {"pid": os.getpid(), "state": kept}
    record(role + "end", call)
    return value

def carry_out(step):
    do, pool, options = step["do"], pools.get(step.get("pool")), step.get("options", {})
    if do == "gate": return wait_for(step["gate"])
    if do == "map": return take(iter(pool.map(run_call, step["calls"])))  # YOURS
    if do == "result": return futures[step["future"]].result()  # YOURS
    if do == "submit": futures[step["future"]] = pool.submit(run_call, step["call"])  # YOURS
    if do == "shutdown": pool.shutdown()  # YOURS
    if do == "new":  # YOURS
        initializer = (run_call, (options["initializer"], "init_")) if "initializer" in options else ()
        context = multiprocessing.get_context(DESCRIPTION["start_method"])
        pools[step["pool"]] = ProcessPoolExecutor(options["max_workers"], context, *initializer)

def take(results):
    outcomes = [attempt("result", lambda: next(results))]
    while outcomes[-1] is not None: outcomes.append(attempt("result", lambda: next(results)))
    return outcomes[:-1]

def attempt(do, function, *arguments):
    try: return {"ok": function(*arguments)}
    except StopIteration: return None
    except Exception as error:  # YOURS: which error is which class?
        kind = {"submit": "rejected", "map": "rejected", "new": "invalid"}.get(do, "other")
        if isinstance(error, ArithmeticError): kind = "task"
        if isinstance(error, KeyError): kind = "invalid"  # The step that makes it has failed.
        if isinstance(error, BrokenExecutor): kind = "broken"
        return {"error": {"class": kind, "message": str(error), "type": type(error).__name__}}

def is_core(step):
    options, calls = step.get("options", {}), step.get("calls", [step.get("call", {"run": "echo"})])
    calls = calls + [options[name] for name in options if name == "initializer"]
    return (step["do"] in ("new", "submit", "result", "map", "shutdown", "gate")
            and step.get("wait", True) and not step.get("cancel") and "timeout" not in step
            and set(options) <= {"max_workers", "initializer"}
            and (step["do"] != "new" or "max_workers" in options)
            and all(call["run"] in BODIES and "poison" not in call for call in calls))

def main(command):
    if command == "describe": return print(json.dumps(DESCRIPTION))
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What workers print goes to standard error.
    client, *others = json.load(sys.stdin)["clients"]
    beyond = others or [step for step in client["steps"] if not is_core(step)]
    if beyond:
        print("this adapter has the core tier only, and cannot do", beyond, file=sys.stderr)
        sys.exit(77)
    for index, step in enumerate(client["steps"]):
        place = {"client": client["name"], "step": index}
        print(json.dumps({**place, "at": now(), "is": "begin"}), file=lines)
        outcome = attempt(step["do"], carry_out, step)
        print(json.dumps({**place, "at": now(), "is": "end", "outcome": outcome}), file=lines)

if __name__ == "__main__": main(sys.argv[1])
