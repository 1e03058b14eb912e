"""`loky.ProcessPoolExecutor`, with the way to start workers that is its own."""

import re

import runtime

loky = runtime.require("loky")
process_executor = runtime.require("loky.process_executor")


class Pool(runtime.Pool):
    IMPLEMENTATION = "loky"
    VERSION = loky.__version__
    START_METHODS = ("loky",)

    CAPABILITIES = runtime.COMMON + (
        " checks_max_workers idle_timeout env chunksize map_timeout lazy_map shutdown_nowait"
        " kill_workers drop cancel state callbacks wait as_completed threads exit_status"
        " worker_death nested"
    )
    POLICIES = {
        "worker_death": "break",
        "map_error": "stop",
        "drop": "drain",
        "program_end": "drain",
        "nowait_end": "drain",
        "start": "at_first_submit",
        "cancel_running": "refuse",
        "bad_argument": "broken",
        "bad_result": "broken",
        # The first one lets go of the thread that the second would have to wait for.
        "second_shutdown": "ignored",
        "sigint": "delivered",
        # The manager's, which also takes the results.
        "callback_thread": "pool",
    }

    def __init__(self, start_method, options):
        initializer, initargs = runtime.initializer(options)
        self.executor = loky.ProcessPoolExecutor(
            options.get("max_workers"),
            timeout=runtime.seconds(options.get("idle_timeout")),
            initializer=initializer,
            initargs=initargs,
            env=options.get("env"),
        )

    def submit(self, call):
        return self.executor.submit(runtime.run_call, call)

    def map(self, calls, options):
        timeout = runtime.seconds(options.get("timeout"))
        more = runtime.chosen(chunksize=options.get("chunksize"))
        return self.executor.map(runtime.run_call, calls, timeout=timeout, **more)

    def shutdown(self, wait, cancel):
        self.executor.shutdown(wait=wait)

    def kill_workers(self):
        self.executor.shutdown(kill_workers=True)

    @staticmethod
    def classify(error, step):
        # Also what a task is told whose worker was killed by `shutdown`; there it is not a refusal.
        if isinstance(error, process_executor.ShutdownExecutorError):
            return "rejected" if step in ("submit", "map", "map_open") else "broken"
        return None

    @staticmethod
    def status(error):
        # `{SIGKILL(-9)}`, `{EXIT(3)}`: only in the text, and only clear when there is one.
        codes = re.findall(r"\w+\((-?\d+)\)", str(error))
        terminated = isinstance(error, process_executor.TerminatedWorkerError)
        return runtime.exit_status(int(codes[0])) if terminated and len(codes) == 1 else None


if __name__ == "__main__":
    runtime.main(Pool)
