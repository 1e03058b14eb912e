"""mpire: a result that is a text of one zero byte never arrives, since mpire's own sign of an end is one."""
import os

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    task = pool.apply_async(str, ("\0",))
    task.wait(5)
    print(f"the task is done five seconds later: {task.ready()}", flush=True)
    for worker in pool._workers:
        worker.kill()
    os._exit(1 if task.ready() else 0)
