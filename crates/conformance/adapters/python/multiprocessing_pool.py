"""`multiprocessing.Pool`, with each start method.

Not among its capabilities: `drop`, since the documentation says not to rely on it; `worker_death`,
since a worker that dies is replaced, but nobody hears of its task again; `map_timeout`, since the
time limits of `imap` are for each item; `nested`, since workers are daemons and may not have children.
"""

import multiprocessing
import platform
from multiprocessing.pool import AsyncResult, MaybeEncodingError

import runtime


class Pool(runtime.Pool):
    IMPLEMENTATION = "multiprocessing.Pool"
    VERSION = platform.python_version()
    START_METHODS = ("fork", "spawn", "forkserver")
    CAPABILITIES = runtime.COMMON + (
        " checks_max_workers max_tasks_per_child chunksize unordered lazy_map shutdown_nowait"
        " kill_workers threads"
    )
    POLICIES = {
        "map_error": "continue",
        "program_end": "abandon",
        "start": "at_construction",
        # What decodes ends with the error: the worker, or the thread that takes the results.
        "bad_argument": "broken",
        "bad_result": "broken",
        "second_shutdown": "honoured",
        "sigint": "delivered",
    }
    result = staticmethod(AsyncResult.get)

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        context = multiprocessing.get_context(start_method)
        self.pool = context.Pool(
            options.get("max_workers"), initializer, initargs, options.get("max_tasks_per_child")
        )

    def submit(self, call):
        return self.pool.apply_async(runtime.run_call, (call,))

    def map(self, calls, options):
        # `Pool.map` has all results or one error; `imap` is the one that gives an outcome for each.
        imap = self.pool.imap_unordered if options.get("unordered") else self.pool.imap
        return imap(runtime.run_call, calls, **runtime.chosen(chunksize=options.get("chunksize")))

    def shutdown(self, wait, cancel):
        self.pool.close()
        if wait:
            self.pool.join()

    def kill_workers(self):
        self.pool.terminate()
        self.pool.join()

    @staticmethod
    def classify(error, step):
        if isinstance(error, MaybeEncodingError):
            return "serialisation"
        if isinstance(error, ValueError) and str(error) == "Pool not running":
            return "rejected"
        return None


if __name__ == "__main__":
    runtime.main(Pool)
