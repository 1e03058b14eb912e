"""Two workers, each initialized once, run ten tasks."""

from concurrent.futures import ProcessPoolExecutor
from random import random
from time import sleep


# ANCHOR: initializer
def initializer_worker():
    """Runs once in every worker, before its tasks."""
    print("Initializing worker process.", flush=True)
# ANCHOR_END: initializer


# ANCHOR: task
def task(identifier):
    """Blocks for a fraction of a second."""
    sleep(random())
    return identifier
# ANCHOR_END: task


# ANCHOR: main
def main():
    with ProcessPoolExecutor(
        max_workers=2, initializer=initializer_worker
    ) as executor:
        for result in executor.map(task, range(10)):
            print(result, flush=True)


if __name__ == "__main__":
    main()
# ANCHOR_END: main
