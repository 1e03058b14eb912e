"""The twin of src/bin/device_slots.rs. A queue deals the numbers, because workers have none.

A worker that ends by itself gives its number back; that of a worker that dies is lost, but then so is
the pool.
"""

import fcntl
import os
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def take(folder, numbers):
    global number, device
    number = numbers.get()
    path = os.path.join(folder, f"device-{number}")
    device = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT), "r+")
    fcntl.flock(device, fcntl.LOCK_EX | fcntl.LOCK_NB)


def task(_):
    device.seek(0)
    count = int(device.read() or 0)
    device.seek(0)
    device.write(str(count + 1))
    device.flush()
    return number, os.getpid()


def main():
    context = get_context("fork")
    numbers = context.Queue()
    for value in range(3):
        numbers.put(value)
    used = defaultdict(list)
    with ProcessPoolExecutor(3, context, take, (sys.argv[1], numbers)) as executor:
        for value, pid in executor.map(task, range(600)):
            used[value].append(pid)
    for value, pids in sorted(used.items()):
        print(f"device {value}: {len(pids)} tasks by {len(set(pids))} workers")
    print("0 failed")


if __name__ == "__main__":
    main()
