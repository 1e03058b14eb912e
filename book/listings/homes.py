"""A global and a thread-local variable of a worker, seen by two threads."""

# ANCHOR: main
import threading
from concurrent.futures import ProcessPoolExecutor

local = threading.local()


def initializer():
    global value
    value = "set"
    local.value = "set"


def look(thread):
    seen = getattr(local, "value", "nothing")
    return f"{thread}: global {value}, thread-local {seen}"


def task():
    lines = [look("the worker's thread")]
    other = threading.Thread(
        target=lambda: lines.append(look("another thread"))
    )
    other.start()
    other.join()
    return lines


if __name__ == "__main__":
    with ProcessPoolExecutor(1, initializer=initializer) as executor:
        print("\n".join(executor.submit(task).result()))
# ANCHOR_END: main
