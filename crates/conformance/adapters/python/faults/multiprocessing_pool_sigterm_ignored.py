"""multiprocessing.Pool: terminate() waits forever for a worker that ignores SIGTERM."""
import multiprocessing
import os
import signal
import threading
import time


def ignore_term(seconds):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(seconds)


if __name__ == "__main__":
    pool = multiprocessing.Pool(1)
    pool.apply_async(ignore_term, (40,))
    time.sleep(1)
    stopper = threading.Thread(target=pool.terminate, daemon=True)
    stopper.start()
    stopper.join(5)
    print(f"terminate still waits after five seconds: {stopper.is_alive()}", flush=True)
    [worker.kill() for worker in multiprocessing.active_children()]
    os._exit(0 if stopper.is_alive() else 1)
