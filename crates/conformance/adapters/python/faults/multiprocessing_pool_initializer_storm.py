"""multiprocessing.Pool: a failing initializer fails nothing; workers are started forever."""
import multiprocessing
import os
import sys
import tempfile
import time


def fail(log):
    with open(log, "a") as file:
        file.write("x")
    os.close(2)  # Its traceback would be printed once for each worker.
    raise OSError("no such file")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "started")
        pool = multiprocessing.get_context("fork").Pool(2, fail, (log,))
        result = pool.apply_async(abs, (1,))
        time.sleep(3)
        started = os.path.getsize(log)
        print(f"{started} workers were started for 2 places, the task is done: {result.ready()}")
        pool.terminate()
    sys.exit(0 if started > 10 and not result.ready() else 1)
