"""12 tasks for at most 2 workers."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from threading import Timer
from time import sleep

MILLIS = [400]


def task(identifier):
    sleep(MILLIS[identifier % len(MILLIS)] / 1000)
    return identifier


def kill_second_worker():
    for process in multiprocessing.active_children():
        if process.name.endswith("-2"):
            process.kill()


def main():
    with ProcessPoolExecutor(
        max_workers=2,
    ) as executor:
        timer = Timer(1, kill_second_worker)
        timer.daemon = True
        timer.start()
        futures = [executor.submit(task, it) for it in range(12)]
        for future in as_completed(futures):
            print(future.result(), flush=True)


if __name__ == "__main__":
    main()
