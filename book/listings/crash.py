"""A task that crashes its worker breaks the pool."""

import os
from concurrent.futures import ProcessPoolExecutor

# ANCHOR: main
started = 0


def task(identifier):
    """Task 1 crashes a used worker, task 3 any."""
    global started
    started += 1
    if identifier == 3 or (identifier == 1 and started > 1):
        os.abort()
    return identifier * 10


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=1) as executor:
        futures = [executor.submit(task, it) for it in range(5)]
        for identifier, future in enumerate(futures):
            error = future.exception()
            print(f"task {identifier}:", error or future.result())
# ANCHOR_END: main
