"""The twin of src/bin/table.rs: a table loaded before the fork, and a mapped file under spawn."""

import mmap
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

WORKERS, LOOKUPS, TASK = 4, 1_000_000, 10_000
table = None


def spread(index):
    return ((index ^ (index >> 7)) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF


def load(path):
    global table
    with open(path, "rb") as file:
        table = file.read()


def map_file(path):
    global table
    with open(path, "rb") as file:
        table = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def look_up(first):
    right, count = 0, len(table) // 8
    for number in range(first, first + TASK):
        index = spread(number) % count
        entry = int.from_bytes(table[8 * index : 8 * index + 8], sys.byteorder)
        right += entry == spread(index)
    return right


def pss(_):
    time.sleep(0.1)  # So that each worker gets one.
    with open("/proc/self/smaps_rollup") as rollup:
        kib = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return os.getpid(), kib >> 10


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.NamedTemporaryFile() as file:
        for index in range(mib << 17):
            file.write(spread(index).to_bytes(8, sys.byteorder))
        file.flush()
        load(file.name)
        for way, method, initializer in [
            ("before the fork", "fork", None),
            ("copied", "spawn", load),
            ("mapped", "spawn", map_file),
        ]:
            arguments = (file.name,) if initializer else ()
            context = get_context(method)
            with ProcessPoolExecutor(WORKERS, context, initializer, arguments) as executor:
                began = time.perf_counter()
                right = sum(executor.map(look_up, range(0, LOOKUPS, TASK)))
                took = time.perf_counter() - began
                memory = sum(dict(executor.map(pss, range(2 * WORKERS))).values())
            print(f"{way}: {right} lookups in {took:.1f}s, {memory} MiB")


if __name__ == "__main__":
    main()
