"""mpire: a worker that has had no task yet may print a traceback when the program ends without a shutdown.

Its handler of the signal that ends it needs the number of its last job, and there is none.
"""
import subprocess
import sys

from mpire import WorkerPool

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    pool = WorkerPool(2, start_method="fork", keep_alive=True)
    pool.apply(abs, (-1,))
elif __name__ == "__main__":
    for round in range(1, 41):
        command = [sys.executable, __file__, "program"]
        said = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=50).stderr
        if "TypeError" in said:
            print(f"program {round} said, among {len(said.splitlines())} lines: {said.splitlines()[-1]}")
            sys.exit(0)
    sys.exit("none of forty programs said anything")
