"""multiprocessing.Pool: a task whose argument cannot be decoded ends the worker and has no outcome."""
import multiprocessing
import sys


class Bad:
    def __reduce__(self):
        return int, ("not a number",)


if __name__ == "__main__":
    pool = multiprocessing.Pool(1)
    result = pool.apply_async(id, (Bad(),))
    alive = pool.apply_async(abs, (-1,)).get(20)
    try:
        result.get(5)
        print("the task has a result")
        lost = False
    except multiprocessing.TimeoutError:
        print(f"the next task has returned {alive}, this one has no outcome after five seconds")
        lost = True
    except ValueError as error:
        print(f"the task has failed: {error}")
        lost = False
    pool.terminate()
    sys.exit(0 if lost else 1)
