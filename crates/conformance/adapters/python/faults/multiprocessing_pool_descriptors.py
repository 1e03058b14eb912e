"""multiprocessing.Pool: whoever keeps a result keeps the pool's descriptors open, also after join."""
import gc
import multiprocessing
import os
import sys


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    results, counts = [], []
    for _ in range(6):
        pool = multiprocessing.get_context("fork").Pool(1)
        results.append(pool.apply_async(abs, (1,)))
        results[-1].get()
        pool.close()
        pool.join()
        del pool
        counts.append(descriptors())
    results.clear()
    print(f"descriptors after each of six pools that were joined and dropped: {counts};")
    print(f"{descriptors()} when their results are dropped, too")
    sys.exit(0 if counts[-1] > counts[1] else 1)
