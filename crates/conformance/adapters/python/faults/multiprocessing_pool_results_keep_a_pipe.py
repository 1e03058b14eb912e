"""multiprocessing.Pool: a result that the program keeps holds a pipe of its pool open."""
import multiprocessing
import os

def use():
    pool = multiprocessing.Pool(1)
    result = pool.apply_async(abs, (-1,))
    result.get()
    pool.close()
    pool.join()
    return result

def opened_by(results):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(8):
        results.append(use())
        del results[:-keep]
    return len(os.listdir("/proc/self/fd")) - before

if __name__ == "__main__":
    use()
    opened = []
    for keep in (1, 8):
        opened.append(opened_by([]))
        print(f"eight pools that have ended: {opened[-1]} more descriptors; results kept: {keep}")
    raise SystemExit(0 if opened[1] >= opened[0] + 14 else 1)
