"""mpire: tasks are assigned to workers as they are submitted, and wait while other workers are idle."""
import os
import time

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(2, start_method="fork", keep_alive=True)
    long = pool.apply_async(time.sleep, (8,))
    short = [pool.apply_async(abs, (-number,)) for number in range(10)]
    time.sleep(4)
    waiting = sum(not task.ready() for task in short)
    print(f"four seconds later {waiting} of 10 short tasks wait, with one worker idle", flush=True)
    for worker in pool._workers:
        worker.kill()
    os._exit(0 if waiting and not long.ready() else 1)
