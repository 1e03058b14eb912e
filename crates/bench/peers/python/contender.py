"""The operations of the protocol over one pool; a method for each, named after it.

A pool is an instance of a class `Pool` from `pools`:

    Pool(start_method, workers, initializer=None)
    submit(function, *arguments)       a future, or what the library has in its place
    result(future)                     waits for it
    map(function, items, chunksize)    the results in order; a chunksize of None is its default
    close()                            ends the workers

No operation knows which library it measures, and no pool knows that it is measured.
"""

import os
import platform
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import tasks

# Both only matter to `open`, outside of every measurement. A shorter rest may end before the next
# task finds its worker idle, and costs another round; a longer one delays every `open`.
WARM_UP_REST_SECONDS = 0.02
WARM_UP_ROUNDS = 500


class Contender:
    def __init__(self, peer):
        self.peer = peer
        self.pool = None
        self.operations = {
            "hello": self.hello,
            "open": self.open,
            "round_trips": self.round_trips,
            "clients": self.clients,
            "submit_all": self.submit_all,
            "map": self.map,
            "echo": self.echo,
            "cold_start": self.cold_start,
            "close": self.close,
        }

    def answer(self, request):
        """Runs one request. Its exception is the answer's error."""
        arguments = dict(request)
        name = arguments.pop("op", None)
        if name not in self.operations:
            return {"unsupported": f"no operation {name!r}"}
        return self.operations[name](**arguments)

    def hello(self):
        try:
            version = self.peer.version()
            self.peer.pool_class()
        except ImportError as error:
            return {"error": f"{self.peer.name} is not installed: {error}"}
        runtime = f"{platform.python_implementation()} {platform.python_version()}"
        return {"name": self.peer.name, "version": version, "runtime": runtime}

    def open(self, workers):
        if self.pool is not None:
            raise RuntimeError("a pool is open already")
        self.pool = self.peer.pool_class()(self.peer.start_method, workers)
        self.warm_up(workers)
        return {"ok": True}

    def warm_up(self, workers):
        """Returns once each worker has run a task. Which one gets a task is the pool's choice, so
        this goes on until as many different ones as there should be have answered."""
        pool = self.pool
        seen = set()
        for _ in range(WARM_UP_ROUNDS):
            futures = [pool.submit(tasks.rest, WARM_UP_REST_SECONDS) for _ in range(workers)]
            seen.update(pool.result(future) for future in futures)
            if len(seen) >= workers:
                return
        raise RuntimeError(f"{len(seen)} of {workers} workers have run a task")

    def opened(self):
        if self.pool is None:
            raise RuntimeError("no pool is open")
        return self.pool

    def round_trips(self, count, pause_us):
        return {"nanos": round_trips(self.opened(), count, pause_us / 1e6)}

    def clients(self, clients, count):
        pool = self.opened()
        ready = threading.Barrier(clients + 1)

        def client(number):
            ready.wait()
            # The first ones take what does not divide.
            return round_trips(pool, count // clients + (number < count % clients))

        with ThreadPoolExecutor(clients) as threads:
            running = [threads.submit(client, number) for number in range(clients)]
            ready.wait()
            started = time.perf_counter()
            nanos = [nanos for client in running for nanos in client.result()]
            seconds = time.perf_counter() - started
        return {"seconds": seconds, "nanos": nanos}

    def submit_all(self, count):
        pool = self.opened()
        submit, result, noop = pool.submit, pool.result, tasks.noop
        started = time.perf_counter()
        for future in [submit(noop) for _ in range(count)]:
            result(future)
        return {"seconds": time.perf_counter() - started}

    def map(self, count, chunksize):
        pool = self.opened()
        started = time.perf_counter()
        checksum = sum(pool.map(tasks.increment, range(count), chunksize))
        return {"seconds": time.perf_counter() - started, "sum": checksum}

    def echo(self, bytes, count):
        pool = self.opened()
        value = os.urandom(bytes)
        nanos = []
        for _ in range(count):
            started = time.perf_counter_ns()
            returned = pool.result(pool.submit(tasks.identity, value))
            nanos.append(time.perf_counter_ns() - started)
            if len(returned) != bytes:
                raise RuntimeError(f"{bytes} bytes came back as {len(returned)}")
        return {"nanos": nanos}

    def cold_start(self, workers):
        pool_class = self.peer.pool_class()
        started = time.perf_counter_ns()
        pool = pool_class(self.peer.start_method, workers, tasks.initialize)
        try:
            initialized = pool.result(pool.submit(tasks.is_initialized))
            nanos = time.perf_counter_ns() - started
        finally:
            pool.close()
        if initialized is not True:
            raise RuntimeError("the first task ran before the initializer")
        return {"nanos": nanos}

    def close(self):
        self.opened()
        self.close_pool()
        return {"ok": True}

    def close_pool(self):
        """Ends the open pool, if there is one."""
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.close()


def round_trips(pool, count, pause=0.0):
    """The nanoseconds of each of `count` no-ops, one at a time, a pause in seconds before each."""
    submit, result, noop = pool.submit, pool.result, tasks.noop
    clock, sleep = time.perf_counter_ns, time.sleep
    nanos = []
    for _ in range(count):
        if pause:
            sleep(pause)
        started = clock()
        result(submit(noop))
        nanos.append(clock() - started)
    return nanos
