"""concurrent.futures: threads that shut a pool down together close its result queue twice."""
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

errors = []


def shut_down(executor):
    try:
        executor.shutdown()
    except (OSError, AttributeError) as error:
        errors.append(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    rounds = 0
    while not errors and rounds < 2000:
        executor = ProcessPoolExecutor(1)
        executor.submit(abs, 1).result()
        threads = [threading.Thread(target=shut_down, args=(executor,)) for _ in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        rounds += 1
    print(f"after {rounds} pools, each shut down by three threads: {errors or 'no error'}", flush=True)
    os._exit(0 if errors else 1)
