"""multiprocessing.Pool: a result that cannot be decoded ends the thread that reads results."""
import multiprocessing
import os


class Bad:
    def __reduce__(self):
        return int, ("not a number",)


def bad(_):
    return Bad()


if __name__ == "__main__":
    pool = multiprocessing.Pool(1)
    results = [pool.apply_async(bad, (1,)), pool.apply_async(abs, (-1,))]
    unknown = 0
    for name, result in zip(("with the bad result", "after it"), results):
        try:
            print(f"the task {name} has returned {result.get(4)}")
        except multiprocessing.TimeoutError:
            unknown += 1
            print(f"the task {name} has no outcome after four seconds")
        except ValueError as error:
            print(f"the task {name} has failed: {error}")
    [child.kill() for child in multiprocessing.active_children()]
    os._exit(0 if unknown == 2 else 1)
