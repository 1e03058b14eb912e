"""mpire: a task that runs when an item of a map fails never settles."""
import os
import time

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(2, start_method="fork", keep_alive=True)
    task = pool.apply_async(time.sleep, (1,))
    try:
        pool.map(int, ["oh"] * 4, chunk_size=1)
        failed = "nothing"
    except Exception as error:
        failed = type(error).__name__
    task.wait(5)
    settled = task.ready()
    print(f"the map raised {failed}; the task has {'' if settled else 'not '}settled", flush=True)
    for worker in pool._workers:
        worker.kill()
    os._exit(1 if settled else 0)
