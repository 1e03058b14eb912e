"""billiard: a busy worker outlives a program that is killed, until its task is done."""
import os
import subprocess
import sys
import time

import billiard

def busy(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    billiard.Pool(1).apply_async(busy, (60,)).wait()
elif __name__ == "__main__":
    command = [sys.executable, __file__, "program"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    worker = int(program.stdout.readline())
    program.kill()
    program.wait()
    time.sleep(5)
    there = os.path.exists(f"/proc/{worker}")
    print(f"five seconds after the program was killed, its busy worker is there: {there}", flush=True)
    if there:
        os.kill(worker, 9)
    os._exit(0 if there else 1)
