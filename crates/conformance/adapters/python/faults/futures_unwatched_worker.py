"""concurrent.futures: the death of the worker that was started last is not noticed.

With spawn and forkserver, submit wakes the thread that watches the workers before it starts one.
"""
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, wait


def shows():
    """Says whether a future waits after the death of the youngest worker. On a busy machine it may not."""
    executor = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    first = executor.submit(time.sleep, 30)
    time.sleep(1)
    second = executor.submit(time.sleep, 30)
    time.sleep(3)
    youngest = list(executor._processes.values())[-1]
    os.kill(youngest.pid, signal.SIGKILL)
    _, waiting = wait([first, second], timeout=5)
    print(f"the worker's exit code is {youngest.exitcode}; {len(waiting)} of 2 futures still wait", flush=True)
    [child.kill() for child in multiprocessing.active_children()]
    return bool(waiting)


if __name__ == "__main__":
    os._exit(0 if any(shows() for _ in range(5)) else 1)
