"""billiard: each pool leaves descriptors open in its program, even after it was closed and joined."""
import gc
import os
import sys

import billiard

def use_a_pool():
    pool = billiard.Pool(2)
    pool.apply(abs, (-1,))
    pool.close()
    pool.join()

if __name__ == "__main__":
    counts = []
    for _ in range(4):
        use_a_pool()
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    print(f"descriptors after each of four pools: {counts}")
    sys.exit(0 if counts[0] < counts[1] < counts[2] < counts[3] else 1)
