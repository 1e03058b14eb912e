"""billiard: if the initializer fails, workers are started again and again, and tasks never settle."""
import os

import billiard

def initialize():
    os.write(started, b".")
    os._exit(3)

if __name__ == "__main__":
    read, started = os.pipe()
    os.set_blocking(read, False)
    pool = billiard.Pool(1, initialize)
    task = pool.apply_async(abs, (-1,))
    try:
        task.get(5)
        outcome = "has returned"
    except billiard.TimeoutError:
        outcome = "is not done five seconds later"
    except Exception as error:
        outcome = f"has failed: {error}"
    count = len(os.read(read, 1000))
    print(f"{count} workers were started in place of one, and the task {outcome}", flush=True)
    os._exit(0 if "not done" in outcome else 1)
