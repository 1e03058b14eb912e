"""mpire: a program never ends if a worker has died while large arguments waited for it."""
import os
import signal
import subprocess
import sys

from mpire import WorkerPool

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    first = pool.apply_async(os._exit, (3,))
    for _ in range(8):
        pool.apply_async(len, ("x" * (1 << 20),))
    try:
        first.get()
    except RuntimeError as error:
        print(f"the first task: {error}", flush=True)
elif __name__ == "__main__":
    program = subprocess.Popen([sys.executable, __file__, "program"], start_new_session=True)
    try:
        print(f"the program has ended with {program.wait(15)}")
        sys.exit(1)
    except subprocess.TimeoutExpired:
        print("the program has not ended after fifteen seconds")
        os.killpg(program.pid, signal.SIGKILL)
