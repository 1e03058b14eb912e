"""7 tasks for at most 3 workers."""

from concurrent.futures import ProcessPoolExecutor, as_completed
from time import sleep

MILLIS = [30, 20, 10]


def task(identifier):
    sleep(MILLIS[identifier % len(MILLIS)] / 1000)
    return identifier


def main():
    with ProcessPoolExecutor(
        max_workers=3,
    ) as executor:
        futures = [executor.submit(task, it) for it in range(7)]
        for future in as_completed(futures):
            print(future.result(), flush=True)


if __name__ == "__main__":
    main()
