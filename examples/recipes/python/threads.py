"""The twin of src/bin/threads.rs. Threads of Python take turns, so only processes add speed."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

BATCH = 50


def mix(steps):
    value = 1
    for step in range(steps):
        value = ((value ^ step) * 0x9E3779B9) & 0xFFFFFFFF
    return value


def rate(duration, function, argument, run):
    batch = lambda: sum(run(function, [argument] * BATCH))
    expected, batches, began = batch(), 0, time.perf_counter()
    while time.perf_counter() - began < duration:
        assert batch() == expected
        batches += 1
    return round(batches * BATCH / (time.perf_counter() - began)) or 1


def main():
    duration = int(sys.argv[1] if len(sys.argv) > 1 else 300) / 1000
    print("| tasks per second | one loop | threads | processes |\n|---|---|---|---|")
    with ThreadPoolExecutor() as threads, ProcessPoolExecutor() as processes:
        for name, function, argument in [
            ("nothing", mix, 1),
            ("20 µs", mix, 200),
            ("2 ms", mix, 20_000),
            ("100 kB", sum, bytes([1]) * 100_000),
        ]:
            ways = (map, threads.map, processes.map)
            rates = [str(rate(duration, function, argument, way)) for way in ways]
            print("|", " | ".join([name, *rates]), "|", flush=True)


if __name__ == "__main__":
    main()
