"""`billiard.Pool`: Celery's fork of `multiprocessing.Pool`.

Its costly options are off unless asked for: time limits, acknowledged tasks (`synack`) and the
limit on waiting ones (`putlocks`).
"""

from billiard import get_context
from billiard.pool import ApplyResult


class Pool:
    result = staticmethod(ApplyResult.get)

    def __init__(self, start_method, workers, initializer=None):
        self.pool = get_context(start_method).Pool(workers, initializer)

    def submit(self, function, *arguments):
        return self.pool.apply_async(function, arguments)

    def map(self, function, items, chunksize):
        return self.pool.map(function, items, chunksize)

    def close(self):
        self.pool.terminate()
        self.pool.join()
