"""`pebble.ProcessPool`.

Not among its capabilities: `map_timeout`, since the time limit of its maps is for each chunk and kills
the worker; `drop`, since its threads go on until the program ends; `shutdown_cancel`, since `stop`
kills what runs.
"""

import multiprocessing
from importlib.metadata import version

import runtime

pebble = runtime.require("pebble")


class Results:
    """The results of a map. Its future has them when the first chunk is done."""

    def __init__(self, future):
        self.future, self.results = future, None

    def __iter__(self):
        return self

    def __next__(self):
        if self.results is None:
            self.results = self.future.result()
        return next(self.results)


class Pool(runtime.Pool):
    IMPLEMENTATION = "pebble"
    VERSION = version("pebble")
    START_METHODS = ("fork", "spawn", "forkserver")

    CAPABILITIES = runtime.COMMON + (
        " max_tasks_per_child task_timeout chunksize lazy_map shutdown_nowait kill_workers cancel"
        " state callbacks wait as_completed threads exit_status worker_death nested"
    )
    POLICIES = {
        "worker_death": "replace",
        "map_error": "continue",
        "program_end": "abandon",
        "start": "at_first_submit",
        "cancel_running": "kill",
        # What decodes ends with the error: the worker, or the thread that takes the results.
        "bad_argument": "broken",
        "bad_result": "broken",
        "second_shutdown": "honoured",
        "sigint": "ignored",
        # The one that takes the results.
        "callback_thread": "pool",
    }

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        self.task_timeout = runtime.seconds(options.get("task_timeout"))
        more = runtime.chosen(
            max_workers=options.get("max_workers"), max_tasks=options.get("max_tasks_per_child")
        )
        context = multiprocessing.get_context(start_method)
        self.pool = pebble.ProcessPool(
            initializer=initializer, initargs=initargs, context=context, **more
        )

    def submit(self, call):
        return self.pool.schedule(runtime.run_call, (call,), timeout=self.task_timeout)

    def map(self, calls, options):
        more = runtime.chosen(chunksize=options.get("chunksize"))
        return Results(self.pool.map(runtime.run_call, calls, timeout=self.task_timeout, **more))

    def shutdown(self, wait, cancel):
        self.pool.close()
        if wait:
            self.pool.join()

    def kill_workers(self):
        self.pool.stop()
        self.pool.join()

    @staticmethod
    def classify(error, step):
        refusals = {"The Pool is not active": "rejected", "Unexpected error within the Pool": "broken"}
        return "broken" if isinstance(error, pebble.ProcessExpired) else refusals.get(str(error))

    @staticmethod
    def status(error):
        expired = isinstance(error, pebble.ProcessExpired)
        return runtime.exit_status(error.exitcode) if expired else None


if __name__ == "__main__":
    runtime.main(Pool)
