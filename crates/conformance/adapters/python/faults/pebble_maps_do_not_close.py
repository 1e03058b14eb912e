"""pebble: the iterator of a map has no close, and the map runs to its end after it was dropped."""
import os
import sys
import tempfile

from pebble import ProcessPool


def append(path):
    with open(path, "a") as file:
        file.write("x")


if __name__ == "__main__":
    path = tempfile.mktemp()
    pool = ProcessPool(max_workers=1)
    results = pool.map(append, [path] * 200, chunksize=1).result()
    next(results)
    closes = hasattr(results, "close")
    del results
    pool.close()
    pool.join()
    ran = os.path.getsize(path)
    os.unlink(path)
    print(f"the iterator has a close: {closes}; when it was dropped after one result, {ran} of 200 items ran")
    sys.exit(0 if not closes and ran == 200 else 1)
