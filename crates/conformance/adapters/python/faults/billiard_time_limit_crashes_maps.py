"""billiard: the thread that watches time limits crashes, and the program with it, if there is an imap."""
import os
import subprocess
import sys
import time

import billiard

if __name__ == "__main__" and sys.argv[1:] == ["program"]:
    pool = billiard.Pool(1, timeout=1)
    list(pool.imap(time.sleep, [3]))
    print("the map has ended", flush=True)
    os._exit(0)
elif __name__ == "__main__":
    command = [sys.executable, __file__, "program"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    print(f"the program ended with {done.returncode}: {(done.stdout + done.stderr).splitlines()[0]}")
    sys.exit(0 if "TimeoutHandler" in done.stderr and "AttributeError" in done.stderr else 1)
