"""The twin of src/bin/logs.rs: a log per worker. Python has no worker numbers: a queue deals them."""

import logging
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.util import Finalize


def initializer(folder, numbers, barrier):
    path = os.path.join(folder, f"worker-{numbers.get()}.log")
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(filename=path, level=logging.INFO, format=form)
    logging.info("opened pid=%d", os.getpid())
    # There is no finalizer. atexit does not run in workers; this does.
    Finalize(None, lambda: logging.info("closed"), exitpriority=1)
    barrier.wait()


def task(item):
    assert item % 100 != 99, f"item {item} is a hundredth"
    logging.info("task{item=%d}: done", item)
    return item * item


def main():
    folder, context = sys.argv[1], get_context("fork")
    numbers, barrier = context.Queue(), context.Barrier(3)
    for number in range(3):
        numbers.put(number)
    failed = 0
    with ProcessPoolExecutor(3, context, initializer, (folder, numbers, barrier)) as executor:
        for future in [executor.submit(task, item) for item in range(1000)]:
            failed += future.exception() is not None
    print(f"1000 tasks, {failed} failed")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            records = file.readlines()
        print(f"{name}: {len(records)} records: {records[-1].rstrip()}")


if __name__ == "__main__":
    main()
