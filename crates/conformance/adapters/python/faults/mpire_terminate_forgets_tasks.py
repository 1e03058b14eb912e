"""mpire: tasks that have not returned when the pool is terminated never settle."""
import os
import time

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    tasks = [pool.apply_async(time.sleep, (60,)) for _ in range(3)]
    time.sleep(1)
    pool.terminate()
    for task in tasks:
        task.wait(2)
    pending = sum(not task.ready() for task in tasks)
    print(f"{pending} of 3 tasks are pending after terminate", flush=True)
    os._exit(0 if pending else 1)
