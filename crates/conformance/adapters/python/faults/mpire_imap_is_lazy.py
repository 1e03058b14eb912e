"""mpire: imap runs nothing before its first result is requested."""
import os
import tempfile
import time

from mpire import WorkerPool

def touch(path):
    open(path, "w").close()

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        pool = WorkerPool(1, start_method="fork")
        results = pool.imap(touch, [os.path.join(folder, "ran")], chunk_size=1)
        time.sleep(3)
        before = os.path.exists(os.path.join(folder, "ran"))
        list(results)
        after = os.path.exists(os.path.join(folder, "ran"))
    print(f"the item ran within three seconds: {before}; once it was asked for: {after}", flush=True)
    os._exit(1 if before else 0)
