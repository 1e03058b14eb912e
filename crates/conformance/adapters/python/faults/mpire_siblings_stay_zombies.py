"""mpire: after one worker has died, stop_and_join leaves the other as a zombie, until a process is started."""
import os

from mpire import WorkerPool


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "reaped"


if __name__ == "__main__":
    pools, states = 0, []
    while "Z" not in states and pools < 500:
        pools += 1
        pool = WorkerPool(2, start_method="fork", keep_alive=True)
        try:
            pool.apply_async(os._exit, (3,)).get()
        except RuntimeError:
            workers = [worker.pid for worker in pool._workers]
        try:
            pool.stop_and_join()
        except KeyError as error:
            failed = repr(error)
        states = [state(pid) for pid in workers]
    print(f"the workers of pool {pools} after stop_and_join has raised {failed}: {states}", flush=True)
    os._exit(0 if "Z" in states else 1)
