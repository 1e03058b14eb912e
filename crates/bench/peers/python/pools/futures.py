"""`concurrent.futures.ProcessPoolExecutor`, of the standard library."""

from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context


class Pool:
    result = staticmethod(Future.result)

    def __init__(self, start_method, workers, initializer=None):
        context = get_context(start_method)
        if start_method == "forkserver":
            # The server imports the tasks once, and its workers have them when they start. Only
            # the program's first pool starts a server; the others share it.
            context.set_forkserver_preload(["tasks"])
        self.executor = ProcessPoolExecutor(workers, context, initializer)
        self.submit = self.executor.submit

    def map(self, function, items, chunksize):
        return self.executor.map(function, items, chunksize=chunksize or 1)

    def close(self):
        self.executor.shutdown()
