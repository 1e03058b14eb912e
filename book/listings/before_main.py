"""Code at the top of a module runs in each worker that `spawn` starts."""

# ANCHOR: main
import fcntl
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context

# Only one copy of this program may run at a time.
lock = open(__file__)
fcntl.flock(lock, fcntl.LOCK_EX)

if __name__ == "__main__":
    executor = ProcessPoolExecutor(1, get_context("spawn"))
    future = executor.submit(abs, 1)
    try:
        future.result(timeout=1)
    except TimeoutError:
        print("no result")
    for child in active_children():
        child.kill()
    print(future.exception())
# ANCHOR_END: main
