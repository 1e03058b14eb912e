"""multiprocessing.Pool: terminate() right after a large argument was submitted waits forever."""
import multiprocessing
import os
import threading
import time


def give_up():
    print("terminate still waits after five seconds", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0)


if __name__ == "__main__":
    for _ in range(10):
        pool = multiprocessing.Pool(1)
        pool.apply_async(time.sleep, (40,))
        time.sleep(0.5)
        watchdog = threading.Timer(5, give_up)
        watchdog.start()
        pool.apply_async(len, ("y" * (4 << 20),))
        pool.terminate()
        watchdog.cancel()
    print("terminate has returned ten times", flush=True)
    os._exit(1)
