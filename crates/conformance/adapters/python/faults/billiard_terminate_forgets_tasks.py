"""billiard: tasks that have not returned when the pool is terminated never settle."""
import os
import time

import billiard

if __name__ == "__main__":
    pool = billiard.Pool(1, lost_worker_timeout=1)
    tasks = [pool.apply_async(time.sleep, (60,)) for _ in range(3)]
    time.sleep(1)
    pool.terminate()
    pool.join()
    for task in tasks:
        task.wait(3)
    pending = sum(not task.ready() for task in tasks)
    print(f"{pending} of 3 tasks are pending after terminate and join", flush=True)
    os._exit(0 if pending else 1)
