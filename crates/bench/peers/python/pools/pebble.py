"""`pebble.ProcessPool`."""

from concurrent.futures import Future
from multiprocessing import get_context

import pebble


class Pool:
    result = staticmethod(Future.result)

    def __init__(self, start_method, workers, initializer=None):
        self.pool = pebble.ProcessPool(
            workers, initializer=initializer, context=get_context(start_method)
        )

    def submit(self, function, *arguments):
        return self.pool.schedule(function, arguments)

    def map(self, function, items, chunksize):
        return self.pool.map(function, items, chunksize=chunksize or 1).result()

    def close(self):
        self.pool.stop()
        self.pool.join()
