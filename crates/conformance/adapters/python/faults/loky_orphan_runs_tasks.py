"""loky: a worker runs pending tasks after its program was killed."""
import os
import signal
import subprocess
import sys
import tempfile
import time
from loky import ProcessPoolExecutor


def work(folder, name):
    open(os.path.join(folder, name), "w").write(str(os.getpid()))
    time.sleep(1)


if __name__ == "__main__" and len(sys.argv) > 1:
    executor = ProcessPoolExecutor(1)
    [executor.submit(work, sys.argv[1], name) for name in ("first", "second")]
    time.sleep(60)
elif __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        program = subprocess.Popen([sys.executable, __file__, folder])
        while not os.path.exists(os.path.join(folder, "first")):
            time.sleep(0.01)
        program.kill()
        time.sleep(4)
        started = sorted(os.listdir(folder))
        os.kill(int(open(os.path.join(folder, "first")).read()), signal.SIGKILL)
    print(f"four seconds after the program was killed, tasks have started: {started}")
    sys.exit(0 if "second" in started else 1)
