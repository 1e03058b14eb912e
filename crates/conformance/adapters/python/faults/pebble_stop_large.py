"""pebble: stop closes the pipe under the thread that sends a large argument, and the task has a TypeError."""
import multiprocessing
import os
import time

from pebble import ProcessPool

if __name__ == "__main__":
    shown, pools = None, 0
    while shown is None and pools < 20:
        pools += 1
        pool = ProcessPool(max_workers=1)
        pool.schedule(abs, (1,)).result()
        pool.schedule(time.sleep, (60,))
        future = pool.schedule(len, (bytes(50_000_000),))
        time.sleep(0.2)
        pool.stop()
        pool.join()
        try:
            future.result(2)
        except TypeError as error:
            shown = repr(error)
        except Exception as error:
            print(f"in pool {pools} it was {error!r}")
    print(f"in pool {pools} the outcome of the task after stop and join: {shown}", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(1 if shown is None else 0)
