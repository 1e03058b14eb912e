"""concurrent.futures: idle workers live on when their program is killed."""
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__" and len(sys.argv) > 1:
    executor = ProcessPoolExecutor(1)
    print(executor.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGTERM if sys.argv[1] == "TERM" else signal.SIGKILL)
elif __name__ == "__main__":
    survivors = 0
    for name in ("KILL", "TERM"):
        program = subprocess.Popen([sys.executable, __file__, name], stdout=subprocess.PIPE)
        worker = int(program.stdout.readline())
        program.wait()
        time.sleep(3)
        try:
            os.kill(worker, signal.SIGKILL)
            survivors += 1
            print(f"the worker was alive three seconds after its program ended by SIG{name}")
        except ProcessLookupError:
            print(f"the worker ended with its program, by SIG{name}")
    sys.exit(0 if survivors == 2 else 1)
