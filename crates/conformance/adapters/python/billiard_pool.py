"""`billiard.Pool`, Celery's fork of `multiprocessing.Pool`.

Not among its capabilities: `checks_max_workers`, since it takes a pool of no workers, and what
`multiprocessing_pool` gives reasons for, but for `worker_death`.
"""

import re

import runtime

billiard, billiard_pool = map(runtime.require, ("billiard", "billiard.pool"))

class Refused(Exception):
    """A closed pool has returned None in place of what was asked for."""


class Pool(runtime.Pool):
    IMPLEMENTATION = "billiard"
    VERSION = billiard.__version__
    START_METHODS = ("fork", "spawn", "forkserver")
    CAPABILITIES = runtime.COMMON + (
        " max_tasks_per_child task_timeout chunksize unordered lazy_map shutdown_nowait kill_workers"
        " threads exit_status worker_death"
    )
    POLICIES = {
        "worker_death": "replace",
        "map_error": "continue",
        "program_end": "abandon",
        "start": "at_construction",
        "bad_argument": "broken",
        "bad_result": "broken",
        "second_shutdown": "honoured",
        "sigint": "ignored",
    }
    result = staticmethod(billiard_pool.ApplyResult.get)

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        lifespan, timeout = options.get("max_tasks_per_child"), options.get("task_timeout")
        more = (initializer, initargs, lifespan, runtime.seconds(timeout))
        # By default it waits ten seconds for a result that a worker may have sent before it died.
        self.pool = billiard.get_context(start_method).Pool(
            options.get("max_workers"), *more, lost_worker_timeout=1
        )

    def submit(self, call):
        return self.accepted(self.pool.apply_async(runtime.run_call, (call,)))

    def map(self, calls, options):
        imap = self.pool.imap_unordered if options.get("unordered") else self.pool.imap
        return self.accepted(imap(runtime.run_call, calls, options.get("chunksize", 1)))

    @staticmethod
    def accepted(answer):
        if answer is not None:
            return answer
        raise Refused("the pool is closed")

    def shutdown(self, wait, cancel):
        self.pool.close()
        if wait:
            self.pool.join()

    def kill_workers(self):
        self.pool.terminate()
        self.pool.join()

    @staticmethod
    def classify(error, step):
        classes = {"Refused": "rejected", "WorkerLostError": "broken",
                   "TimeLimitExceeded": "timeout", "MaybeEncodingError": "serialisation"}
        # Errors that the pool itself makes come in a wrapper, which is undone only by pickling. One of
        # them has a text under the same name as the wrapper has the error.
        wrapped = getattr(error, "exc", None)
        names = (type(error).__name__, type(wrapped).__name__)
        return next((classes[name] for name in names if name in classes), None)

    @staticmethod
    def status(error):
        # `exited prematurely: signal 9 (SIGKILL)`, or `exitcode 3`: only in the text.
        said = re.search(r"prematurely: (signal|exit)(?:code)? (\d+)", str(error))
        return said and f"{said[1]} {said[2]}"


if __name__ == "__main__":
    runtime.main(Pool)
