"""9 tasks for at most 2 workers."""

import multiprocessing
from time import sleep

MILLIS = [15, 40]


def initializer_worker():
    sleep(0.02)


def task(identifier):
    sleep(MILLIS[identifier % len(MILLIS)] / 1000)
    return identifier


def main():
    # Not ProcessPoolExecutor: with max_tasks_per_child it can hang,
    # see https://github.com/python/cpython/issues/115634.
    with multiprocessing.Pool(
        processes=2,
        maxtasksperchild=2,
        initializer=initializer_worker,
    ) as pool:
        for result in pool.imap(task, range(9)):
            print(result, flush=True)


if __name__ == "__main__":
    main()
