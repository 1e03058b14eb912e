"""billiard: the result of a task never arrives if its argument cannot be pickled."""
import os
import threading

import billiard

if __name__ == "__main__":
    pool = billiard.Pool(1)
    task = pool.apply_async(id, (threading.Lock(),))
    task.wait(5)
    print(f"the task is done five seconds later: {task.ready()}", flush=True)
    os._exit(1 if task.ready() else 0)
