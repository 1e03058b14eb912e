"""A program that is killed by SIGKILL while a task runs.

The task does it, because it knows when it runs.
"""

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor

# ANCHOR: main
def task(program):
    print("the task kills its program", flush=True)
    os.kill(program, signal.SIGKILL)
    while os.getppid() == program:
        time.sleep(0.001)
    print("the program is gone, its task runs on", flush=True)
    # Nobody else would end this worker.
    os._exit(0)


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=1) as executor:
        executor.submit(task, os.getpid()).result()
# ANCHOR_END: main
