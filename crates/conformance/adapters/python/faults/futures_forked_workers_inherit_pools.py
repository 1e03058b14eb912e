"""concurrent.futures: forked workers have the descriptors of all earlier pools."""
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor


def descriptors():
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    pools = [ProcessPoolExecutor(1, mp_context=fork) for _ in range(3)]
    counts = [pool.submit(descriptors).result() for pool in pools]
    print(f"descriptors in a worker of each of three pools: {counts}")
    [pool.shutdown() for pool in pools]
    sys.exit(0 if counts[0] < counts[1] < counts[2] else 1)
