"""pebble: close without join never ends the workers, while the program lives."""
import multiprocessing
import os
import time

from pebble import ProcessPool

if __name__ == "__main__":
    pool = ProcessPool(max_workers=2)
    results = [pool.schedule(abs, (number,)) for number in range(4)]
    pool.close()
    print(f"after close the four tasks return {[result.result() for result in results]}")
    time.sleep(4)
    workers = multiprocessing.active_children()
    print(f"{len(workers)} workers are there four seconds later", flush=True)
    [worker.kill() for worker in workers]
    os._exit(0 if workers else 1)
