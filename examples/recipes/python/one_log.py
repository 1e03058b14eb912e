"""The twin of src/bin/one_log.rs: the records of all workers in the program's one log. A worker that
dies may take the records in its queue's buffer with it, so none dies here."""

import logging
import logging.handlers
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

steps = None


def initializer(records, counted):
    global steps
    steps = counted
    root = logging.getLogger()
    root.handlers = [logging.handlers.QueueHandler(records)]
    root.setLevel(os.environ.get("RUST_LOG", "info").upper())
    logging.info("the worker's log is open")


def task(item):
    logging.debug("task{item=%d}: starts", item)
    for _ in range(10):
        with steps.get_lock():
            steps.value += 1
    logging.info("task{item=%d}: done", item)
    return item * item


def main():
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    context = get_context("fork")
    records, counted = context.Queue(), context.Value("i", 0)
    shown = logging.StreamHandler(sys.stdout)
    shown.setFormatter(logging.Formatter("%(levelname)s worker{pid=%(process)d}: %(message)s"))
    # The program's thread that reads the queue; the pool knows nothing of it.
    listener = logging.handlers.QueueListener(records, shown)
    listener.start()
    with ProcessPoolExecutor(2, context, initializer, (records, counted)) as executor:
        list(executor.map(task, range(tasks)))
    listener.stop()
    print(f"{tasks} tasks, {counted.value} steps")


if __name__ == "__main__":
    main()
