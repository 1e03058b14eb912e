"""mpire: stop_and_join raises the error of a worker's initializer."""
import os

from mpire import WorkerPool

def initialize():
    raise ValueError("no such file")

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    pool.apply_async(abs, (-1,), worker_init=initialize)
    try:
        pool.stop_and_join()
        outcome = "has returned"
    except ValueError as error:
        outcome = f"has raised {str(error).splitlines()[0]!r}"
    print(f"stop_and_join {outcome}", flush=True)
    os._exit(0 if "raised" in outcome else 1)
