"""When the initializer runs: once in each worker, with its start."""

# ANCHOR: main
from concurrent.futures import ProcessPoolExecutor


def initializer():
    print("initializer", flush=True)


def task(identifier):
    print(f"task {identifier}", flush=True)


if __name__ == "__main__":
    with ProcessPoolExecutor(
        max_workers=1, max_tasks_per_child=2, initializer=initializer
    ) as executor:
        print("the pool is made", flush=True)
        for identifier in range(3):
            executor.submit(task, identifier).result()
# ANCHOR_END: main
