"""concurrent.futures: as_completed never ends when shutdown cancels the futures that it waits for."""
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

if __name__ == "__main__":
    executor = ProcessPoolExecutor(1)
    futures = [executor.submit(time.sleep, 0.5) for _ in range(12)]
    taken = []
    taker = threading.Thread(target=lambda: taken.extend(as_completed(futures)), daemon=True)
    taker.start()
    executor.shutdown(wait=True, cancel_futures=True)
    taker.join(5)
    cancelled = sum(future.cancelled() for future in futures)
    print(f"{cancelled} of 12 futures are cancelled, all are done: {all(f.done() for f in futures)};")
    print(f"as_completed still waits five seconds after shutdown: {taker.is_alive()}", flush=True)
    os._exit(0 if taker.is_alive() else 1)
