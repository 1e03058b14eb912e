"""mpire: stop_and_join fails with a KeyError after a worker has died, and leaves threads behind."""
import os
import threading

from mpire import WorkerPool

if __name__ == "__main__":
    before = threading.active_count()
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    try:
        pool.apply_async(os._exit, (3,)).get()
    except RuntimeError as error:
        print(f"the task: {error}")
    try:
        pool.stop_and_join()
        failed = False
    except KeyError as error:
        failed = True
        print(f"stop_and_join: KeyError({error})")
    print(f"{threading.active_count() - before} more threads than before the pool", flush=True)
    os._exit(0 if failed else 1)
