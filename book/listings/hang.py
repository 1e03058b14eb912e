"""A task that never returns: a timeout ends the wait, and nothing else."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, TimeoutError

# ANCHOR: main
def task():
    time.sleep(3600)


if __name__ == "__main__":
    executor = ProcessPoolExecutor(max_workers=1)
    future = executor.submit(task)
    other = executor.submit(str, 7)
    try:
        future.result(timeout=0.5)
    except TimeoutError:
        print("timeout")
    print(f"running: {future.running()}, cancel: {future.cancel()}")

    # Only the end of its worker ends it.
    for worker in multiprocessing.active_children():
        worker.kill()
    print("task:", type(future.exception()).__name__)
    print("other task:", type(other.exception()).__name__)
# ANCHOR_END: main
