"""multiprocessing.Pool: forked workers have the descriptors of all earlier pools."""
import multiprocessing
import os
import sys


def descriptors():
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    pools = [multiprocessing.get_context("fork").Pool(1) for _ in range(3)]
    counts = [pool.apply(descriptors) for pool in pools]
    print(f"descriptors in a worker of each of three pools: {counts}")
    for pool in pools:
        pool.close()
        pool.join()
    sys.exit(0 if counts[0] < counts[1] < counts[2] else 1)
