"""mpire: a pool that was stopped or terminated accepts tasks, and starts new workers for them."""
import sys

from mpire import WorkerPool

if __name__ == "__main__":
    pool = WorkerPool(1, start_method="fork", keep_alive=True)
    pool.apply(abs, (-1,))
    pool.stop_and_join()
    joined = pool.apply(abs, (-2,))
    pool.terminate()
    terminated = pool.apply(abs, (-3,))
    pool.stop_and_join()
    print(f"after stop_and_join came {joined}, after terminate {terminated}")
    sys.exit(0 if (joined, terminated) == (2, 3) else 1)
