"""mpire: a map that runs beside a submitted task fails, because a worker reads its items as a task."""
import os
import threading

from mpire import WorkerPool

def mapped(pool, found):
    try:
        found.append(pool.map(str, [(-number,) for number in range(4)], chunk_size=1))
    except Exception as error:
        found.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")

if __name__ == "__main__":
    right = [str(-number) for number in range(4)]
    for turn in range(20):
        pool, found = WorkerPool(2, start_method="fork", keep_alive=True), []
        pool.apply_async(str, (1,))
        mapper = threading.Thread(target=mapped, args=(pool, found), daemon=True)
        mapper.start()
        mapper.join(2)
        for worker in pool._workers:
            worker.kill()
        if found != [right]:
            break
    print(f"map {turn} beside a task: {found or 'nothing within two seconds'}", flush=True)
    os._exit(1 if found == [right] else 0)
