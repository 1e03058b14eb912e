"""`billiard.Pool`, Celery's fork of `multiprocessing.Pool`.

Not among its capabilities: `checks_max_workers`, since it takes a pool of no workers; what its
ancestor has not for the reasons given in `multiprocessing_pool`, but for the death of a worker.
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
    CAPABILITIES = (
        "max_tasks_per_child task_timeout chunksize unordered lazy_map shutdown_nowait kill_workers"
        " threads exit_status worker_death"
    )
    POLICIES = {
        "worker_death": "replace",
        "map_error": "continue",
        "program_end": "abandon",
        "start": "at_construction",
        # What decodes ends with the error: the worker, or the thread that takes the results.
        "bad_argument": "broken",
        "bad_result": "broken",
        "second_shutdown": "honoured",
        "sigint": "ignored",
    }
    result = staticmethod(billiard_pool.ApplyResult.get)

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        self.pool = billiard.get_context(start_method).Pool(
            options.get("max_workers"), initializer, initargs, options.get("max_tasks_per_child"),
            timeout=runtime.seconds(options.get("task_timeout")),
        )

    def submit(self, call):
        return self.accepted(self.pool.apply_async(runtime.run_call, (call,)))

    def map(self, calls, options):
        imap = self.pool.imap_unordered if options.get("unordered") else self.pool.imap
        return self.accepted(imap(runtime.run_call, calls, options.get("chunksize", 1)))

    @staticmethod
    def accepted(answer):
        if answer is None:
            raise Refused("the pool is closed")
        return answer

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
        return classes.get(type(error).__name__)

    @staticmethod
    def status(error):
        # `exited prematurely: signal 9 (SIGKILL)`, or `exitcode 3`: only in the text.
        said = re.search(r"prematurely: (signal|exit)(?:code)? (\d+)", str(error))
        return said and f"{said[1]} {said[2]}"


if __name__ == "__main__":
    runtime.main(Pool)
