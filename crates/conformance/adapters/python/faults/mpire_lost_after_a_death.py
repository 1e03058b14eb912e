"""mpire: a task that is submitted after a worker has died is never run, and its result never arrives."""
import os

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    try:
        pool.apply_async(os._exit, (3,)).get()
    except RuntimeError as error:
        print(f"the first task: {error}")
    second = pool.apply_async(abs, (-2,))
    second.wait(5)
    print(f"the second task is done five seconds later: {second.ready()}", flush=True)
    os._exit(1 if second.ready() else 0)
