"""concurrent.futures: pending tasks never run when the worker has reached max_tasks_per_child."""
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, wait

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(1, context, max_tasks_per_child=2)
    futures = [executor.submit(abs, number) for number in range(6)]
    done, waiting = wait(futures, timeout=10)
    print(f"{len(done)} of 6 tasks are done after ten seconds, {len(waiting)} wait", flush=True)
    [child.kill() for child in multiprocessing.active_children()]
    os._exit(0 if waiting else 1)
