"""pebble: a task that ends its worker with the exit code 0 never has an outcome."""
import multiprocessing
import os
from concurrent.futures import TimeoutError

from pebble import ProcessExpired, ProcessPool

if __name__ == "__main__":
    pool = ProcessPool(max_workers=1)
    lost = False
    for code in (1, 0):
        try:
            pool.schedule(os._exit, (code,)).result(6)
        except ProcessExpired as error:
            print(f"exit code {code}: {error}", flush=True)
        except TimeoutError:
            lost = code == 0
            print(f"exit code {code}: no outcome after six seconds", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if lost else 1)
