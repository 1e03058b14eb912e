"""concurrent.futures: tasks of a dropped executor wait forever when a worker retires."""
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, wait

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(1, context, max_tasks_per_child=1)
    futures = [executor.submit(abs, number) for number in range(3)]
    del executor
    done, waiting = wait(futures, timeout=10)
    print(f"{len(done)} of 3 tasks are done ten seconds after the executor was dropped", flush=True)
    [child.kill() for child in multiprocessing.active_children()]
    os._exit(0 if waiting else 1)
