"""Two ways to shut a pool down, and what becomes of its tasks."""

import fcntl
import time
from concurrent.futures import CancelledError, ProcessPoolExecutor
from multiprocessing import get_context

# ANCHOR: main
def task(identifier):
    """Waits while the program holds the lock on its own file."""
    with open(__file__) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    return identifier


def outcome(future):
    try:
        future.result()
        return "done"
    except CancelledError:
        return "cancelled"


def ending(name, **options):
    spawn = get_context("spawn")
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        executor = ProcessPoolExecutor(max_workers=1, mp_context=spawn)
        futures = [executor.submit(task, it) for it in range(5)]
        while not futures[1].running():
            time.sleep(0.01)
        executor.shutdown(wait=False, **options)
    print(f"{name}:", ", ".join(outcome(future) for future in futures))


if __name__ == "__main__":
    ending("cancel_futures", cancel_futures=True)
    ending("wait=False")
# ANCHOR_END: main
