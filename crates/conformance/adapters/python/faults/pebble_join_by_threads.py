"""pebble: threads that close and join a pool together get errors of its closed pipes."""
import os
import sys
import threading

from pebble import ProcessPool

errors = []


def shut_down(pool):
    try:
        pool.close()
        pool.join()
    except (OSError, RuntimeError) as error:
        errors.append(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    rounds = 0
    while not errors and rounds < 1000:
        pool = ProcessPool(max_workers=1)
        pool.schedule(abs, (1,)).result()
        threads = [threading.Thread(target=shut_down, args=(pool,)) for _ in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        rounds += 1
    print(f"after {rounds} pools, each shut down by three threads: {errors or 'no error'}", flush=True)
    os._exit(0 if errors else 1)
