"""An adapter for a pool with a fault: the template with another pool."""

import sys
from concurrent.futures import ProcessPoolExecutor

sys.path.insert(0, "crates/conformance/adapters/python")
import runtime
import template


# ANCHOR: pool
class ForgetfulPool(ProcessPoolExecutor):
    """Calls the initializer in every worker, but forgets its value."""

    def __init__(self, max_workers, context, initializer=None, initargs=()):
        if initargs:
            call, role = initargs
            initargs = ({**call, "value": None}, role)
        super().__init__(max_workers, context, initializer, initargs)
# ANCHOR_END: pool


# ANCHOR: adapter
template.ProcessPoolExecutor = ForgetfulPool
template.Pool.IMPLEMENTATION = "forgetful"

if __name__ == "__main__":
    runtime.main(template.Pool)
# ANCHOR_END: adapter
