"""What an error is in the words of the contract.

Owns the classes of the errors that all Python pools have in common. Must not know those of one pool:
an adapter's `classify` is asked first.
"""

import concurrent.futures
import multiprocessing
import pickle

from calls import BodyFailed


def classify(pool_class, error, do):
    known = pool_class.classify(error, do)
    if known is not None:
        return known
    if isinstance(error, (BodyFailed, KeyboardInterrupt)):
        return "task"
    if isinstance(error, concurrent.futures.BrokenExecutor):
        return "broken"
    if isinstance(error, concurrent.futures.CancelledError):
        return "cancelled"
    timeouts = (TimeoutError, concurrent.futures.TimeoutError, multiprocessing.TimeoutError)
    if isinstance(error, timeouts):
        return "timeout"
    if isinstance(error, pickle.PickleError):
        return "serialisation"
    submits = do in ("submit", "map", "map_open")
    if submits and isinstance(error, RuntimeError) and "after shutdown" in str(error):
        return "rejected"
    if do in ("new", "map", "map_open") and isinstance(error, (ValueError, TypeError)):
        return "invalid"
    return "other"


def failure(pool_class, error, do):
    """Returns the outcome that an error is. Its causes are in its message, but a task's is its trace."""
    found = {
        "class": classify(pool_class, error, do),
        "message": str(error),
        "type": type(error).__name__,
    }
    cause = error.__cause__
    if found["class"] == "task":
        if cause is not None:
            found["trace"] = str(cause)
    else:
        while cause is not None:
            found["message"] += f"\n{cause}"
            cause = cause.__cause__
    status = pool_class.status(error)
    if status is not None:
        found["status"] = status
    return {"error": found}
