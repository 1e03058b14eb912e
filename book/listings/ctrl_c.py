"""Ctrl-C interrupts the program, and every running task.

The task itself does what a terminal does for Ctrl-C, and interrupts its whole
process group. So this program needs a group of its own: `setsid --wait`.
"""

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor

# ANCHOR: main
def task():
    os.kill(0, signal.SIGINT)
    return "done"


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=1) as executor:
        try:
            future = executor.submit(task)
            time.sleep(60)
        except KeyboardInterrupt:
            print("interrupted")
        try:
            print("task:", future.result())
        except KeyboardInterrupt:
            print("task: interrupted, too")
# ANCHOR_END: main
