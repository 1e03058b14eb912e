"""`mpire.WorkerPool`, with its workers kept between calls.

Not among its capabilities: `initargs`, since an initializer has none; `max_tasks_per_child`, which its
maps have but its single tasks do not; `threads`, since the messages of two submissions may mix;
`shutdown_nowait`, since it can only join or terminate; `nested`, since workers are daemons.
"""

import functools
import re
from importlib.metadata import version

import runtime

mpire = runtime.require("mpire")
async_result = runtime.require("mpire.async_result")

WORKER_ENDED = re.compile(r"Worker-\d+ (died unexpectedly|was killed)")


class Pool(runtime.Pool):
    IMPLEMENTATION = "mpire"
    VERSION = version("mpire")
    START_METHODS = ("fork", "spawn", "forkserver")
    CAPABILITIES = runtime.COMMON.replace("initargs", "initializer") + (
        " task_timeout chunksize unordered lazy_map kill_workers initializer_cause worker_death"
    )
    POLICIES = {
        "worker_death": "break",
        "map_error": "stop",
        "program_end": "abandon",
        "start": "at_first_submit",
        # What decodes ends with the error: the worker, or the thread that takes the results.
        "bad_argument": "broken",
        "bad_result": "broken",
        "sigint": "ignored",
    }
    result = staticmethod(async_result.AsyncResult.get)

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        # The initializer goes with each task or map, and so does the time that one may take.
        self.more = {
            "worker_init": initializer and functools.partial(initializer, *initargs),
            "task_timeout": runtime.seconds(options.get("task_timeout")),
        }
        self.pool = mpire.WorkerPool(
            options.get("max_workers"), start_method=start_method, keep_alive=True
        )

    def submit(self, call):
        return self.pool.apply_async(runtime.run_call, (call,), **self.more)

    def map(self, calls, options):
        imap = self.pool.imap_unordered if options.get("unordered") else self.pool.imap
        # A dictionary would be taken for keyword arguments.
        tuples = ((call,) for call in calls)
        return imap(
            runtime.run_call, tuples, len(calls), chunk_size=options.get("chunksize"), **self.more
        )

    def shutdown(self, wait, cancel):
        self.pool.stop_and_join()

    def kill_workers(self):
        self.pool.terminate()

    @staticmethod
    def classify(error, step):
        if isinstance(error, RuntimeError) and WORKER_ENDED.match(str(error)):
            return "broken"
        # An initializer's error comes as it is; whose it is only its trace says.
        if "in _init_func" in str(error.__cause__):
            return "broken"
        # A map is a generator: it looks at its options when its first result is asked for.
        if isinstance(error, (TypeError, ValueError)) and "chunk_size" in str(error):
            return "invalid"
        return None


if __name__ == "__main__":
    runtime.main(Pool)
