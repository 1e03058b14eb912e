"""12 tasks for at most 2 workers."""

import multiprocessing
from threading import Timer
from time import sleep

MILLIS = [400, 500]


def initializer_worker():
    sleep(0.02)


def task(identifier):
    sleep(MILLIS[identifier % len(MILLIS)] / 1000)
    return identifier


def kill_second_worker():
    for process in multiprocessing.active_children():
        if process.name.endswith("-2"):
            process.kill()


def main():
    # Not ProcessPoolExecutor: with max_tasks_per_child it can hang,
    # see https://github.com/python/cpython/issues/115634.
    with multiprocessing.Pool(
        processes=2,
        maxtasksperchild=9,
        initializer=initializer_worker,
    ) as pool:
        timer = Timer(1, kill_second_worker)
        timer.daemon = True
        timer.start()
        results = pool.imap(task, range(12))
        # This pool reports no death: the lost result never comes.
        for _ in range(12):
            print(results.next(timeout=10), flush=True)


if __name__ == "__main__":
    main()
