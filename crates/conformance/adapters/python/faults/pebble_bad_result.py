"""pebble: a result that cannot be decoded ends the thread that reads results."""
import multiprocessing
import os
from concurrent.futures import TimeoutError

from pebble import ProcessPool


class Bad:
    def __reduce__(self):
        return int, ("not a number",)


if __name__ == "__main__":
    pool = ProcessPool(max_workers=1)
    results = [pool.schedule(Bad), pool.schedule(abs, (-1,))]
    unknown = 0
    for name, result in zip(("with the bad result", "after it"), results):
        try:
            print(f"the task {name} has returned {result.result(4)}")
        except TimeoutError:
            unknown += 1
            print(f"the task {name} has no outcome after four seconds", flush=True)
        except ValueError as error:
            print(f"the task {name} has failed: {error}", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if unknown == 2 else 1)
