"""concurrent.futures: the death of a forked worker that has a pool of its own is not noticed."""
import multiprocessing
import os
import signal
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, wait

FORK = multiprocessing.get_context("fork")


def owner(path):
    with open(path, "w") as file:
        inner = ProcessPoolExecutor(1, FORK)
        file.write(f"{os.getpid()} {inner.submit(os.getpid).result()} ")
    time.sleep(60)


if __name__ == "__main__":
    with tempfile.NamedTemporaryFile("r") as file:
        future = ProcessPoolExecutor(1, FORK).submit(owner, file.name)
        while len(pids := file.read().split()) < 2:
            file.seek(0)
            time.sleep(0.05)
    os.kill(int(pids[0]), signal.SIGKILL)
    done, waiting = wait([future], timeout=5)
    print(f"five seconds after the worker's death its task waits: {bool(waiting)}", flush=True)
    os.kill(int(pids[1]), signal.SIGKILL)
    os._exit(0 if waiting else 1)
