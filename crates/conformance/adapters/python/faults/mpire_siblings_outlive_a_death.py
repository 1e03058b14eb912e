"""mpire: when one worker dies, all tasks fail, but the other workers continue with theirs."""
import os
import time

from mpire import WorkerPool

def busy(seconds):
    print(f"worker {os.getpid()} is busy", flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    pool = WorkerPool(2, start_method="fork", keep_alive=True)
    tasks = [pool.apply_async(busy, (60,)), pool.apply_async(os._exit, (3,))]
    for task in tasks:
        try:
            task.get()
        except RuntimeError as error:
            print(f"a task: {error}")
    time.sleep(5)
    there = [worker.pid for worker in pool._workers if worker.is_alive()]
    print(f"five seconds later there are the workers {there}", flush=True)
    for worker in pool._workers:
        worker.kill()
    os._exit(0 if there else 1)
