"""billiard: an idle worker that is killed holds the lock of the queue, and no task runs after it."""
import os
import signal
import time

import billiard

if __name__ == "__main__":
    pool = billiard.Pool(1)
    worker = pool.apply(os.getpid)
    time.sleep(1)
    os.kill(worker, signal.SIGKILL)
    time.sleep(3)
    try:
        outcome = f"has run in worker {pool.apply_async(os.getpid).get(5)}"
    except billiard.TimeoutError:
        outcome = "is not done five seconds later"
    workers = [process.pid for process in pool._pool]
    print(f"in place of the worker {worker} there is {workers}; a task {outcome}", flush=True)
    for process in workers:
        os.kill(process, signal.SIGKILL)
    os._exit(0 if "not done" in outcome else 1)
