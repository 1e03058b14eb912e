"""10 tasks for at most 2 workers."""

from concurrent.futures import ProcessPoolExecutor
from time import sleep

MILLIS = [180, 40, 120, 60]


def initializer_worker():
    sleep(0.06)


def task(identifier):
    sleep(MILLIS[identifier % len(MILLIS)] / 1000)
    return identifier


def main():
    with ProcessPoolExecutor(
        max_workers=2,
        initializer=initializer_worker,
    ) as executor:
        for result in executor.map(task, range(10)):
            print(result, flush=True)


if __name__ == "__main__":
    main()
