"""multiprocessing.Pool replaces a worker whose initializer fails, without end."""

# ANCHOR: main
import multiprocessing


def initializer(started):
    started.put(1)
    raise OSError("no licence")


if __name__ == "__main__":
    started = multiprocessing.SimpleQueue()
    pool = multiprocessing.Pool(1, initializer, (started,))
    result = pool.apply_async(abs, (1,))
    for number in range(20):
        started.get()
    print(f"{number + 1} workers, the task is done: {result.ready()}")
    pool.terminate()
# ANCHOR_END: main
