"""Initializers that end badly, or not at all."""

# ANCHOR: main
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def initializer(how):
    if how == "raise":
        raise OSError("no licence")
    if how == "exit":
        os._exit(3)
    threading.Event().wait()


if __name__ == "__main__":
    for how in ["raise", "exit", "hang"]:
        executor = ProcessPoolExecutor(
            max_workers=1, initializer=initializer, initargs=(how,)
        )
        future = executor.submit(abs, 1)
        if how == "hang":
            try:
                future.result(timeout=1)
            except TimeoutError:
                print(f"{how}: no result")
            for child in multiprocessing.active_children():
                child.kill()
        print(f"{how}: {future.exception()}")
# ANCHOR_END: main
