"""`concurrent.futures.ProcessPoolExecutor`, with each start method, and what it has in this version."""

import inspect
import multiprocessing
import platform
from concurrent.futures import ProcessPoolExecutor

import runtime


class Pool(runtime.Pool):
    IMPLEMENTATION = "concurrent.futures"
    VERSION = platform.python_version()
    START_METHODS = ("fork", "spawn", "forkserver")
    CAPABILITIES = runtime.COMMON + (
        " checks_max_workers chunksize map_timeout lazy_map shutdown_nowait shutdown_cancel drop"
        " cancel state callbacks wait as_completed threads worker_death nested"
    )
    POLICIES = {
        "worker_death": "break",
        "map_error": "stop",
        "drop": "drain",
        "program_end": "drain",
        "nowait_end": "drain",
        "cancel_running": "refuse",
        "bad_argument": "broken",
        "bad_result": "broken",
        # The first one lets go of the thread that the second would have to wait for.
        "second_shutdown": "ignored",
        "sigint": "delivered",
        # The manager's, which also takes the results.
        "callback_thread": "pool",
    }

    @classmethod
    def capabilities(cls, start_method):
        words = super().capabilities(start_method)
        if start_method != "fork":  # It refuses the combination.
            words |= {"max_tasks_per_child"}
        if hasattr(ProcessPoolExecutor, "kill_workers"):  # 3.14
            words |= {"kill_workers"}
        if "buffersize" in inspect.signature(ProcessPoolExecutor.map).parameters:  # 3.14
            words |= {"buffersize"}
        return words

    @classmethod
    def policies(cls, start_method):
        # Once it has a thread it does not fork any more, so that all workers come before that.
        start = "at_first_submit" if start_method == "fork" else "on_demand"
        return {**cls.POLICIES, "start": start}

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        more = runtime.chosen(max_tasks_per_child=options.get("max_tasks_per_child"))
        self.executor = ProcessPoolExecutor(
            options.get("max_workers"),
            multiprocessing.get_context(start_method),
            initializer,
            initargs,
            **more,
        )

    def submit(self, call):
        return self.executor.submit(runtime.run_call, call)

    def map(self, calls, options):
        timeout = runtime.seconds(options.get("timeout"))
        more = {name: options[name] for name in ("chunksize", "buffersize") if name in options}
        return self.executor.map(runtime.run_call, calls, timeout=timeout, **more)

    def shutdown(self, wait, cancel):
        self.executor.shutdown(wait=wait, cancel_futures=cancel)

    def kill_workers(self):
        self.executor.kill_workers()


if __name__ == "__main__":
    runtime.main(Pool)
