"""mpire: a program that ends with a running task, without a shutdown, never ends."""
import os
import signal
import subprocess
import sys
import time

from mpire import WorkerPool

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    pool.apply_async(time.sleep, (3600,))
    time.sleep(1)
elif __name__ == "__main__":
    program = subprocess.Popen([sys.executable, __file__, "program"], start_new_session=True)
    try:
        print(f"the program has ended with {program.wait(15)}")
        sys.exit(1)
    except subprocess.TimeoutExpired:
        print("the program has not ended after fifteen seconds")
        os.killpg(program.pid, signal.SIGKILL)
