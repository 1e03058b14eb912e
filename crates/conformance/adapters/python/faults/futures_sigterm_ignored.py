"""concurrent.futures: a broken pool waits forever for a worker that ignores SIGTERM."""
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor


def ignore_term(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(ready, "w").close()
    time.sleep(20)


if __name__ == "__main__":
    ready = f"/tmp/ignores-term-{os.getpid()}"
    executor = ProcessPoolExecutor(2)
    deaf = executor.submit(ignore_term, ready)
    while not os.path.exists(ready):
        time.sleep(0.01)
    os.unlink(ready)
    executor.submit(os._exit, 1)
    print(f"the pool is broken: {isinstance(deaf.exception(10), BrokenProcessPool)}")
    stopper = threading.Thread(target=executor.shutdown, daemon=True)
    stopper.start()
    stopper.join(5)
    print(f"shutdown still waits after five seconds: {stopper.is_alive()}", flush=True)
    [child.kill() for child in multiprocessing.active_children()]
    os._exit(0 if stopper.is_alive() else 1)
