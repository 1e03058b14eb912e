"""multiprocessing.Pool: the error of a task keeps the pool's pipes open after close() and join()."""
import gc
import multiprocessing
import os

def fail():
    raise ValueError("oh")

def use(function):
    pool = multiprocessing.Pool(1)
    try:
        pool.apply_async(function).get()
    except ValueError:
        pass
    pool.close()
    pool.join()

def opened_by(function):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(4):
        use(function)
    return len(os.listdir("/proc/self/fd")) - before

if __name__ == "__main__":
    # The error, its traceback, its frames and the result refer to each other, and a frame to the pool.
    gc.disable()
    fine, failed = opened_by(int), opened_by(fail)
    gc.collect()
    print(f"after four pools with a task: {fine} more descriptors; with one that failed: {failed}")
    raise SystemExit(0 if failed > fine else 1)
