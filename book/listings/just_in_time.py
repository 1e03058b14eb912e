"""Workers exist when tasks need them, and not before."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from time import sleep


# ANCHOR: main
def task(identifier):
    sleep(0.05)
    return identifier


def main():
    spawn = get_context("spawn")
    with ProcessPoolExecutor(max_workers=2, mp_context=spawn) as executor:
        print("workers of a new pool:", len(active_children()))
        executor.submit(task, 0).result()
        print("after one task:", len(active_children()))
        list(executor.map(task, range(10)))
        print("after ten more:", len(active_children()))


if __name__ == "__main__":
    main()
# ANCHOR_END: main
