"""`loky.ProcessPoolExecutor`, which starts its workers in a way of its own."""

from concurrent.futures import Future

import loky


class Pool:
    result = staticmethod(Future.result)

    def __init__(self, start_method, workers, initializer=None):
        # The tasks are importable, so that the encoder for functions that are not, the default,
        # would only be a slower one.
        loky.set_loky_pickler("pickle")
        self.executor = loky.ProcessPoolExecutor(
            workers, context=start_method, initializer=initializer
        )
        self.submit = self.executor.submit

    def map(self, function, items, chunksize):
        return self.executor.map(function, items, chunksize=chunksize or 1)

    def close(self):
        self.executor.shutdown()
