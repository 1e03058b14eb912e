"""The twin of src/bin/c_library.rs, by ctypes: `c_library.py LIBRARY`. Each death breaks a pool."""

import ctypes
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import Pool

library = ctypes.CDLL(sys.argv[1])
library.fragile_sum.restype = ctypes.c_long


def digit_sum(digits):
    return library.fragile_sum(digits.encode())


def resident_after(digits):
    digit_sum(digits)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith("VmRSS"))


def fill(size):
    return library.fragile_fill(ctypes.c_size_t(size))


def main():
    with ProcessPoolExecutor(2) as executor:
        for text in ["111", "12x", "222"]:
            try:
                print(f"{text}: {executor.submit(digit_sum, text).result()}")
            except BrokenProcessPool as error:
                print(f"{text}: the pool is broken: {error}")
    # The executor's own max_tasks_per_child hangs in Python 3.11.
    with Pool(2, maxtasksperchild=5) as pool:
        sizes = pool.map(resident_after, map(str, range(40)), chunksize=1)
    print(f"recycled after 5 calls: at most {max(sizes)} MiB")
    limit = (resource.RLIMIT_AS, (512 << 20, 512 << 20))
    with ProcessPoolExecutor(1, initializer=resource.setrlimit, initargs=limit) as executor:
        for mib in [100, 1000]:
            try:
                executor.submit(fill, mib << 20).result()
                print(f"{mib} MiB: filled")
            except BrokenProcessPool:
                print(f"{mib} MiB: the pool is broken")


if __name__ == "__main__":
    main()
