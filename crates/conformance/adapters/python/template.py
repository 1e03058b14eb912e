"""An adapter to copy, with runtime.py beside it: the core tier, here of
concurrent.futures.

Change the places marked YOURS. runtime.py does the rest of what the
contract asks for, and stays as it is.
"""

import multiprocessing
import platform
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor  # YOURS

import runtime


class Pool(runtime.Pool):
    # YOURS: names and versions, and the ways to start workers that the
    # command line can ask for.
    IMPLEMENTATION = "template"
    VERSION = platform.python_version()
    START_METHODS = ("spawn",)

    # YOURS: what the pool can do, and its choice where pools differ. The
    # contract lists the words.
    CAPABILITIES = "submit map initargs"
    POLICIES = {
        "map_error": "stop",
        "start": "on_demand",
        "program_end": "drain",
    }

    # YOURS: makes the pool. Each worker calls `initialize(*arguments)`
    # first; None means nothing.
    def __init__(self, start_method, options):
        initialize, arguments = runtime.initializer(options)
        context = multiprocessing.get_context(start_method)
        self.pool = ProcessPoolExecutor(
            options["max_workers"], context, initialize, arguments
        )

    # YOURS: has a worker call `runtime.run_call(call)`, and returns the
    # future at once.
    def submit(self, call):
        return self.pool.submit(runtime.run_call, call)

    # YOURS: waits for such a future, and returns the result or raises the
    # error.
    @staticmethod
    def result(future, timeout):
        return future.result(timeout)

    # YOURS: returns what the pool's map gives its users, an iterator over
    # results.
    def map(self, calls, options):
        return self.pool.map(runtime.run_call, calls)

    # YOURS: ends the pool; returns when all tasks and workers have ended.
    def shutdown(self, wait, cancel):
        self.pool.shutdown()

    # YOURS: which of the pool's errors is which class. A task's own error,
    # `BodyFailed`, is known.
    @staticmethod
    def classify(error, step):
        if isinstance(error, BrokenExecutor):
            return "broken"
        if step in ("submit", "map") and isinstance(error, RuntimeError):
            return "rejected"
        return "invalid" if step == "new" else None


if __name__ == "__main__":
    runtime.main(Pool)
