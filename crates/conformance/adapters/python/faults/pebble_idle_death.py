"""pebble: a worker that dies while it runs a task is replaced; one that dies idle breaks the pool."""
import multiprocessing
import os
import signal
import time

from pebble import ProcessExpired, ProcessPool

if __name__ == "__main__":
    pool = ProcessPool(max_workers=2)
    died = pool.schedule(os._exit, (1,)).exception()
    print(f"after {type(died).__name__} the next task returns {pool.schedule(abs, (-1,)).result()}")
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    time.sleep(2)
    try:
        print(f"after the death of an idle worker, too: {pool.schedule(abs, (-1,)).result(5)}")
        broken = False
    except RuntimeError as error:
        print(f"after the death of one idle worker of two: {error}", flush=True)
        broken = True
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if broken and isinstance(died, ProcessExpired) else 1)
