"""billiard: no worker that retires is replaced after close, so pending tasks never run."""
import os

import billiard

if __name__ == "__main__":
    pool = billiard.Pool(1, maxtasksperchild=1)
    tasks = [pool.apply_async(abs, (-number,)) for number in range(4)]
    pool.close()
    for task in tasks:
        task.wait(4)
    pending = sum(not task.ready() for task in tasks)
    print(f"{pending} of 4 tasks are pending sixteen seconds after close", flush=True)
    os._exit(0 if pending else 1)
