"""One task and its future: ask for its status, and get its result."""

from concurrent.futures import ProcessPoolExecutor
from time import sleep


def task(identifier):
    sleep(0.2)
    return identifier


# ANCHOR: main
def main():
    with ProcessPoolExecutor(max_workers=1) as executor:
        future = executor.submit(task, 7)
        print("done:", future.done())
        result = future.result()
        print("done:", future.done())
        print("result:", result)


if __name__ == "__main__":
    main()
# ANCHOR_END: main
