"""mpire: workers, even idle ones, outlive a program that is killed."""
import os
import subprocess
import sys
import time

from mpire import WorkerPool

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    print(pool.apply(os.getpid), flush=True)
    time.sleep(60)
elif __name__ == "__main__":
    command = [sys.executable, __file__, "program"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        worker = int(program.stdout.readline())
        program.kill()
        time.sleep(5)
        there = os.path.exists(f"/proc/{worker}")
        print(f"five seconds after the program was killed, its idle worker is there: {there}")
        if there:
            os.kill(worker, 9)
    sys.exit(0 if there else 1)
