"""billiard: the result of a task never arrives if its argument, or its result, cannot be unpickled."""
import os

import billiard

def refuse():
    raise ValueError("this value is not to be decoded")

class Unreadable:
    def __reduce__(self):
        return refuse, ()

if __name__ == "__main__":
    pending = 0
    for function, arguments in [(id, (Unreadable(),)), (Unreadable, ())]:
        task = billiard.Pool(1, lost_worker_timeout=1).apply_async(function, arguments)
        task.wait(8)
        pending += not task.ready()
    print(f"{pending} of 2 tasks are pending eight seconds later", flush=True)
    os._exit(0 if pending == 2 else 1)
