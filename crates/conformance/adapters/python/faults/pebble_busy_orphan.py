"""pebble: a worker that is busy lives on when its program is killed, while its task runs."""
import os
import signal
import subprocess
import sys
import time

from pebble import ProcessPool

if __name__ == "__main__" and len(sys.argv) > 1:
    pool = ProcessPool(max_workers=1)
    print(pool.schedule(os.getpid).result(), flush=True)
    pool.schedule(time.sleep, (60,))
    time.sleep(1)
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
