"""billiard: terminate sends only SIGTERM, and waits forever for a worker that ignores it."""
import os
import signal
import threading
import time

import billiard


def ignore_term(ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(ready, "w").close()
    time.sleep(60)


if __name__ == "__main__":
    ready = f"/tmp/ignores-term-{os.getpid()}"
    pool = billiard.Pool(1)
    pool.apply_async(ignore_term, (ready,))
    while not os.path.exists(ready):
        time.sleep(0.01)
    os.unlink(ready)
    stopper = threading.Thread(target=lambda: (pool.terminate(), pool.join()), daemon=True)
    stopper.start()
    stopper.join(5)
    there = [worker.pid for worker in pool._pool if worker.is_alive()]
    print(f"five seconds after terminate it waits: {stopper.is_alive()}, for {there}", flush=True)
    [os.kill(pid, signal.SIGKILL) for pid in there]
    os._exit(0 if stopper.is_alive() and there else 1)
