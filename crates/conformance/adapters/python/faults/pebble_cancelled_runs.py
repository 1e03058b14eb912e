"""pebble: a task that is cancelled while it waits behind others still runs."""
import os
import sys
import tempfile
import time

from pebble import ProcessPool

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, ProcessPool(max_workers=1) as pool:
        there = os.path.join(folder, "the cancelled task has run")
        first = pool.schedule(time.sleep, (1,))
        cancelled = pool.schedule(os.mkdir, (there,))
        time.sleep(0.5)
        print(f"cancel says {cancelled.cancel()}, the future is cancelled: {cancelled.cancelled()}")
        first.result()
        pool.schedule(abs, (1,)).result()
        print(f"the task has run: {os.path.exists(there)}")
        ran = os.path.exists(there)
    sys.exit(0 if ran else 1)
