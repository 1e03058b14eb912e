"""pebble: a limit of zero tasks for a worker is accepted, and means that there is no limit."""
import os
import sys

from pebble import ProcessPool

if __name__ == "__main__":
    try:
        pool = ProcessPool(max_workers=1, max_tasks=0)
    except ValueError as error:
        sys.exit(f"it is refused: {error}")
    workers = {pool.schedule(os.getpid).result() for _ in range(5)}
    print(f"with max_tasks=0, five tasks ran in {len(workers)} worker")
    pool.close()
    pool.join()
    sys.exit(0 if len(workers) == 1 else 1)
