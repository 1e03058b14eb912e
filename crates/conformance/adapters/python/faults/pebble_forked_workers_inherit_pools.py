"""pebble: forked workers have the descriptors of all earlier pools."""
import multiprocessing
import os
import sys

from pebble import ProcessPool


def descriptors():
    return len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    fork = multiprocessing.get_context("fork")
    pools = [ProcessPool(max_workers=1, context=fork) for _ in range(3)]
    counts = [pool.schedule(descriptors).result() for pool in pools]
    print(f"descriptors in a worker of each of three pools: {counts}")
    for pool in pools:
        pool.close()
        pool.join()
    sys.exit(0 if counts[0] < counts[1] < counts[2] else 1)
