"""An initializer with arguments: every worker opens the same log."""

import os
from concurrent.futures import ProcessPoolExecutor
from tempfile import TemporaryDirectory


# ANCHOR: initializer
def open_log(path, greeting):
    global log
    log = open(path, "a", buffering=1)
    log.write(f"{greeting}\n")


def task(identifier):
    log.write(f"task {identifier} done\n")
# ANCHOR_END: initializer


# ANCHOR: main
def main():
    with TemporaryDirectory() as folder:
        path = os.path.join(folder, "tasks.log")
        with ProcessPoolExecutor(
            max_workers=2,
            initializer=open_log,
            initargs=(path, "worker is ready"),
        ) as executor:
            for _ in executor.map(task, range(4)):
                pass
        with open(path) as lines:
            print(lines.read(), end="")


if __name__ == "__main__":
    main()
# ANCHOR_END: main
