"""mpire: the result of a task never arrives if its argument, or its result, cannot be unpickled."""
import os

from mpire import WorkerPool

def refuse():
    raise ValueError("this value is not to be decoded")

class Unreadable:
    def __reduce__(self):
        return refuse, ()

if __name__ == "__main__":
    pending = 0
    for function, arguments in [(id, (Unreadable(),)), (Unreadable, ())]:
        pool = WorkerPool(1, start_method="fork", keep_alive=True)
        task = pool.apply_async(function, arguments)
        task.wait(5)
        pending += not task.ready()
        for worker in pool._workers:
            worker.kill()
    print(f"{pending} of 2 tasks are pending five seconds later", flush=True)
    os._exit(0 if pending == 2 else 1)
