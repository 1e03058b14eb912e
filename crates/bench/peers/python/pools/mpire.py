"""`mpire.WorkerPool`, with its workers kept between calls."""

from threading import Lock

import mpire
from mpire.async_result import AsyncResult


class Pool:
    result = staticmethod(AsyncResult.get)

    def __init__(self, start_method, workers, initializer=None):
        self.pool = mpire.WorkerPool(workers, start_method=start_method, keep_alive=True)
        self.initializer = initializer
        # A submission is two messages to one worker. Those of two threads may alternate, and the
        # worker then takes one for the other.
        self.submitting = Lock()

    def submit(self, function, *arguments):
        with self.submitting:
            return self.pool.apply_async(function, arguments, worker_init=self.initializer)

    def map(self, function, items, chunksize):
        return self.pool.map(function, items, chunk_size=chunksize)

    def close(self):
        self.pool.terminate()
