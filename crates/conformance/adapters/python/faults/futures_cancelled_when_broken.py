"""concurrent.futures: when a pool breaks, tasks behind a cancelled one never have an outcome.

The thread that fails them ends with InvalidStateError at the first that is cancelled.
"""
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, wait

if __name__ == "__main__":
    executor = ProcessPoolExecutor(1)
    futures = [executor.submit(time.sleep, 30) for _ in range(8)]
    time.sleep(1)
    print(f"the fifth task is cancelled: {futures[4].cancel()}", flush=True)
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGKILL)
    done, waiting = wait(futures, timeout=5)
    print(f"five seconds after the worker's death {len(waiting)} of 8 futures wait", flush=True)
    os._exit(0 if waiting else 1)
