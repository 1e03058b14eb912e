"""`multiprocessing.Pool`, of the standard library.

`map` rather than `imap`: with as many results as fit in memory it is the faster one.
"""

from multiprocessing import get_context
from multiprocessing.pool import AsyncResult


class Pool:
    result = staticmethod(AsyncResult.get)

    def __init__(self, start_method, workers, initializer=None):
        self.pool = get_context(start_method).Pool(workers, initializer)

    def submit(self, function, *arguments):
        return self.pool.apply_async(function, arguments)

    def map(self, function, items, chunksize):
        return self.pool.map(function, items, chunksize)

    def close(self):
        self.pool.close()
        self.pool.join()
