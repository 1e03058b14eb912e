"""A conformance adapter to copy: the core tier, here for concurrent.futures. Replace what says POOL."""
import concurrent.futures, json, os, platform, sys, time  # POOL: your pool

FOLDER = os.environ.get("CONFORMANCE_DIR", ".")
state = None
names = {}  # pools and futures


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def event(kind, call):
    text = json.dumps({"pid": os.getpid(), "ppid": os.getppid(), "at": now(), "event": kind, "tag": call["tag"]})
    file = os.open(FOLDER + "/trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, text.encode() + b"\n")
    os.close(file)


def wait_for(gate):
    while not os.path.exists(f"{FOLDER}/gate-{gate}"):
        time.sleep(0.002)


def run(call, prefix=""):  # runs in workers; every task and initializer is this function
    global state
    event(prefix + "begin", call)
    body, value = call["run"], call.get("value")
    if body == "gate": wait_for(call["gate"])
    if body == "sleep": time.sleep(call["ms"] / 1000)
    if body == "mark": state = value
    if body == "square": value *= value
    if body == "whoami": value = {"pid": os.getpid(), "state": state}
    if body == "fail":
        event(prefix + "failed", call)
        raise ValueError(call["text"])
    event(prefix + "end", call)
    return value


def failure(error):  # POOL: which error is which class?
    broken = isinstance(error, concurrent.futures.BrokenExecutor)
    return {"error": {"class": "broken" if broken else "task", "message": str(error), "type": type(error).__name__}}


def carry_out(step):
    do, pool = step["do"], names.get(step.get("pool"))
    if do == "gate": return wait_for(step["gate"])
    if do == "result": return names[step["future"]].result()
    if do == "new":  # POOL
        options, initializer = step.get("options", {}), {}
        if "initializer" in options: initializer = {"initializer": run, "initargs": (options["initializer"], "init_")}
        names[step["pool"]] = concurrent.futures.ProcessPoolExecutor(options["max_workers"], **initializer)
    elif do == "submit": names[step["future"]] = pool.submit(run, step["call"])  # POOL
    elif do == "shutdown" and step["wait"] and not step["cancel"]: pool.shutdown()  # POOL
    elif do == "map":  # POOL
        outcomes, results = [], pool.map(run, step["calls"])
        while len(outcomes) < len(step["calls"]):
            try: outcomes.append({"ok": next(results)})
            except StopIteration: break
            except Exception as error: outcomes.append(failure(error))
        return outcomes
    else: sys.exit(77)  # not expressible


if __name__ == "__main__":
    if sys.argv[1] == "describe":  # POOL
        print(json.dumps({"contract": 1, "implementation": "template", "version": platform.python_version(), "language": "Python",
            "start_method": "fork", "capabilities": ["submit", "map", "initargs"],
            "policies": {"map_error": "stop", "start": "at_first_submit", "program_end": "drain"}}))
        sys.exit()
    lines = os.fdopen(os.dup(1), "w", buffering=1)  # what workers print goes to standard error
    os.dup2(2, 1)
    client = json.load(sys.stdin)["clients"][0]
    for index, step in enumerate(client["steps"]):
        place = {"client": client["name"], "step": index}
        print(json.dumps({**place, "at": now(), "is": "begin"}), file=lines)
        try: outcome = {"ok": carry_out(step)}
        except Exception as error: outcome = failure(error)
        print(json.dumps({**place, "at": now(), "is": "end", "outcome": outcome}), file=lines)
