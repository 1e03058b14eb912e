"""pebble: when initializers end their workers, a task scheduled at that moment may have no outcome."""
import multiprocessing
import os
from concurrent.futures import TimeoutError

from pebble import ProcessPool

if __name__ == "__main__":
    lost, pools = 0, 0
    while not lost and pools < 20:
        pools += 1
        pool = ProcessPool(max_workers=2, initializer=os._exit, initargs=(3,))
        try:
            print(f"the task has {pool.schedule(abs, (1,)).exception(2)!r}", flush=True)
        except RuntimeError as error:
            print(f"schedule has {error!r}", flush=True)
        except TimeoutError:
            lost = 1
    print(f"of {pools} pools, {lost} has a task without an outcome", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if lost else 1)
