"""mpire: a second map is refused while the results of another one are being taken."""
import os

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    one, other = pool.imap(abs, [1, 2]), pool.imap(abs, [3, 4])
    print("the first map gave", next(one), flush=True)
    try:
        print("the second map gave", next(other), flush=True)
        refused = False
    except RuntimeError as error:
        print(f"the second map was refused: {error}", flush=True)
        refused = True
    for worker in pool._workers:
        worker.kill()
    os._exit(0 if refused else 1)
