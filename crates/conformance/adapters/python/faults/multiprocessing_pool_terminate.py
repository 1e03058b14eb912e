"""multiprocessing.Pool: results of tasks that terminate() ends, or that are pending, never arrive."""
import multiprocessing
import os
import time

if __name__ == "__main__":
    pool = multiprocessing.Pool(1)
    running = pool.apply_async(time.sleep, (60,))
    waiting = pool.apply_async(abs, (1,))
    time.sleep(1)
    pool.terminate()
    pool.join()
    unknown = 0
    for name, result in (("that ran", running), ("that waited", waiting)):
        try:
            print(f"the task {name} has the result {result.get(3)}")
        except multiprocessing.TimeoutError:
            unknown += 1
            print(f"the task {name} has no outcome three seconds after terminate and join")
    os._exit(0 if unknown == 2 else 1)
