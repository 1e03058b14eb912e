"""multiprocessing.Pool: a worker that is busy lives on when its program is killed, while its task runs."""
import multiprocessing
import os
import signal
import subprocess
import sys
import time

if __name__ == "__main__" and len(sys.argv) > 1:
    pool = multiprocessing.Pool(1)
    pid = pool.apply(os.getpid)
    pool.apply_async(time.sleep, (60,))
    time.sleep(1)
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
elif __name__ == "__main__":
    program = subprocess.Popen([sys.executable, __file__, "be killed"], stdout=subprocess.PIPE)
    worker = int(program.stdout.readline())
    program.wait()
    time.sleep(3)
    try:
        os.kill(worker, signal.SIGKILL)
    except ProcessLookupError:
        sys.exit("the worker has ended with its program")
    print("the worker was busy three seconds after its program was killed")
