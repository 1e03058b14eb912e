"""pebble: tasks that have not returned when the pool is stopped may never have an outcome."""
import multiprocessing
import os
import time
from concurrent.futures import CancelledError, TimeoutError

from pebble import ProcessPool

if __name__ == "__main__":
    lost, pools = 0, 0
    while not lost and pools < 60:
        pools += 1
        pool = ProcessPool(max_workers=1)
        futures = [pool.schedule(time.sleep, (0,)) for _ in range(3)]
        pool.stop()
        pool.join()
        for future in futures:
            try:
                future.result(0.5)
            except TimeoutError:
                lost += 1
            except (CancelledError, RuntimeError):
                pass
    print(f"of {pools} pools that were stopped and joined, one has {lost} tasks without an outcome", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if lost else 1)
