"""What all Python adapters share: their two commands, and the steps of scenarios.

Owns what the contract (book/src/contract.md) asks of an adapter besides calls and capabilities.
Must not know any pool: an adapter is a class `Pool` that uses one as its users do, and what it
inherits are the steps as `concurrent.futures` has them.
"""

import importlib
import json
import os
import platform
import sys

from calls import run_call
from needs import CONTRACT, Unsupported, check
from session import Session, seconds

__all__ = [
    "COMMON", "Pool", "chosen", "exit_status", "initializer", "main", "require", "run_call", "seconds",
]
UNSUPPORTED = 77
# What every pool of this language has: bodies are ordinary functions, errors are exceptions.
COMMON = frozenset(
    "submit map initargs default_max_workers result_timeout error_message remote_trace blob stdio"
    " child_process ignore_term getenv poison_encode_argument poison_decode_argument"
    " poison_encode_result poison_decode_result several_pools".split()
)


# ---- what an adapter fills in ----


class Pool:
    """One pool, used as its users use it. Its futures are those of `concurrent.futures` by default."""

    IMPLEMENTATION = VERSION = None
    START_METHODS = ()  # Those that the adapter can be asked for; the first is its default.

    CAPABILITIES = ""  # Words, besides those of COMMON.
    LACKS = ""  # Words of COMMON that are not right for this pool.
    POLICIES = {}

    @classmethod
    def capabilities(cls, start_method):
        return COMMON - set(cls.LACKS.split()) | set(cls.CAPABILITIES.split())

    @classmethod
    def policies(cls, start_method):
        return cls.POLICIES

    def __init__(self, start_method, options):
        raise NotImplementedError

    def submit(self, call):
        raise NotImplementedError

    def map(self, calls, options):
        """Returns the iterator over results that the pool gives its users."""
        raise NotImplementedError

    def shutdown(self, wait, cancel):
        raise NotImplementedError

    @staticmethod
    def result(future, timeout):
        return future.result(timeout)

    @staticmethod
    def classify(error, step):
        """Returns the contract's class for an error that the step `step` met; None for the default."""

    @staticmethod
    def status(error):
        """Returns how the worker ended (`exit 3`, `signal 9`) if the error says so."""


def initializer(options):
    """Returns the initializer and its arguments."""
    call = options.get("initializer")
    return (None, ()) if call is None else (run_call, (call, "init_"))


def chosen(**arguments):
    """Leaves out what was not chosen, so that a pool's own defaults are what counts."""
    return {name: value for name, value in arguments.items() if value is not None}


def exit_status(code):
    return f"signal {-code}" if code < 0 else f"exit {code}"


def require(module):
    """Imports a package that has to be installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        sys.exit(f"{module} is not installed ({error}): run crates/bench/peers/install, and this"
                 " adapter with crates/bench/peers/.venv/bin/python")


# ---- the commands ----


def describe(pool_class, start_method):
    language = f"{platform.python_implementation()} {platform.python_version()}"
    print(json.dumps({
        "contract": CONTRACT,
        "implementation": pool_class.IMPLEMENTATION,
        "version": pool_class.VERSION,
        "language": language,
        "start_method": start_method,
        "capabilities": sorted(pool_class.capabilities(start_method)),
        "policies": pool_class.policies(start_method),
    }))


def close_in_forked_workers(output):
    """Sees to it that a worker that outlives this program does not keep its lines open for a reader."""
    open_here = [output]
    # Workers that fork inherit the hook, too; to them the number may mean something else by then.
    os.register_at_fork(after_in_child=lambda: open_here and os.close(open_here.pop()))


def run(pool_class, start_method):
    """Carries out the scenario on standard input, and returns the exit code."""
    if "CONFORMANCE_DIR" not in os.environ:
        sys.exit("CONFORMANCE_DIR is not set: it names the folder of the trace and the gates")
    output = os.dup(1)
    os.dup2(2, 1)
    close_in_forked_workers(output)
    scenario = json.load(sys.stdin)
    try:
        check(scenario, pool_class.capabilities(start_method))
    except Unsupported as reason:
        print(f"unsupported: {reason}", file=sys.stderr)
        return UNSUPPORTED
    session = Session(pool_class, start_method, output)
    session.run(scenario["clients"])
    return 1 if session.crashed else 0


def main(pool_class):
    """Does what the command line says: `[START_METHOD] describe|run`."""
    *chosen_method, command = sys.argv[1:] or [None]
    start_method = chosen_method[0] if chosen_method else pool_class.START_METHODS[0]
    if start_method not in pool_class.START_METHODS or command not in ("describe", "run"):
        sys.exit(f"usage: {sys.argv[0]} [{'|'.join(pool_class.START_METHODS)}] describe|run")
    sys.exit({"describe": describe, "run": run}[command](pool_class, start_method))
