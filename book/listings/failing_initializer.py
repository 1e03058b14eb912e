"""An initializer that fails: no future says why."""

# ANCHOR: main
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool


def find_licence(server):
    raise ConnectionError(f"no licence server at {server}")


def task(identifier):
    return identifier


def main():
    executor = ProcessPoolExecutor(
        max_workers=1,
        initializer=find_licence,
        initargs=("licences.example:27000",),
    )
    first = executor.submit(task, 1)
    print("task 1:", first.exception())
    try:
        executor.submit(task, 2)
    except BrokenProcessPool as error:
        print("later:", error)


if __name__ == "__main__":
    main()
# ANCHOR_END: main
