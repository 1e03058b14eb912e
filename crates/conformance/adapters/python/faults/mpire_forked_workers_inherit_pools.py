"""mpire: forked workers have the descriptors of all earlier pools."""
import os

from mpire import WorkerPool

def descriptors():
    return len(os.listdir("/proc/self/fd"))

if __name__ == "__main__":
    pools = [WorkerPool(1, start_method="fork", keep_alive=True) for _ in range(3)]
    counts = [pool.apply(descriptors) for pool in pools]
    print(f"descriptors in a worker of each of three pools: {counts}", flush=True)
    for pool in pools:
        pool.stop_and_join()
    os._exit(0 if counts[0] < counts[1] < counts[2] else 1)
