"""billiard: an imap never ends if a worker dies in it."""
import os
import threading

import billiard

if __name__ == "__main__":
    pool = billiard.Pool(1, lost_worker_timeout=1)
    results = pool.imap(os._exit, [3])
    taker = threading.Thread(target=lambda: next(results, None), daemon=True)
    taker.start()
    taker.join(8)
    print(f"the map has given its item eight seconds later: {not taker.is_alive()}", flush=True)
    os._exit(0 if taker.is_alive() else 1)
