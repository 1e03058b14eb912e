"""A pool that is shut down without waiting, in a program that ends."""

import time
from concurrent.futures import ProcessPoolExecutor

# ANCHOR: main
def task(seconds):
    time.sleep(seconds)
    print("the task has run")


if __name__ == "__main__":
    executor = ProcessPoolExecutor()
    executor.submit(task, 3)
    executor.shutdown(wait=False)
    print("main ends", flush=True)
# ANCHOR_END: main
