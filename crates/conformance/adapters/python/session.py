"""A scenario that is being carried out.

Owns the clients, the names that they share and the lines that they write. Must not know what a pool
can do: `needs` has refused what this one cannot before a session begins.
"""

import concurrent.futures
import gc
import json
import os
import sys
import threading

from calls import BodyFailed, Poison, now, record, wait_for_gate
from errors import failure


def seconds(milliseconds):
    return None if milliseconds is None else milliseconds / 1000


class Missing(Exception):
    """A name that stands for nothing, as when the step that should have made it has failed."""


class Session:
    """All clients of a scenario, with the names and the output that they share."""

    def __init__(self, pool_class, start_method, output):
        self.pool_class = pool_class
        self.start_method = start_method
        self.output = output
        self.writing = threading.Lock()
        self.pools, self.futures, self.maps = {}, {}, {}
        self.crashed = False

    def run(self, clients):
        threads = [threading.Thread(target=self.run_client, args=(it,)) for it in clients[1:]]
        for thread in threads:
            thread.start()
        self.run_client(clients[0])
        for thread in threads:
            thread.join()

    def run_client(self, client):
        try:
            for index, step in enumerate(client["steps"]):
                self.write(client, index, {"is": "begin"})
                outcome = self.outcome(step["do"], getattr(self, f"do_{step['do']}"), step)
                self.write(client, index, {"is": "end", "outcome": outcome})
        except BaseException:
            # A fault of the adapter in any thread is a fault of the program.
            self.crashed = True
            raise

    def write(self, client, index, moment):
        line = {"client": client["name"], "step": index, "at": now(), **moment}
        rest = json.dumps(line).encode() + b"\n"
        with self.writing:
            while rest:
                rest = rest[os.write(self.output, rest) :]

    def outcome(self, do, function, *arguments):
        try:
            return {"ok": function(*arguments)}
        except StopIteration:
            raise
        except Missing as error:
            return {"error": {"class": "invalid", "message": str(error)}}
        except BaseException as error:
            # One that interrupted a task has come from a worker, with a cause. Another one is ours.
            if isinstance(error, KeyboardInterrupt) and error.__cause__ is None:
                raise
            return failure(self.pool_class, error, do)

    def named(self, things, name):
        if name not in things:
            raise Missing(f"nothing is called {name}")
        return things[name]

    def prepared(self, call):
        """Adds to a call what it needs on its way that is not in the scenario."""
        if call["run"] == "nest":
            adapter = os.path.splitext(os.path.basename(sys.argv[0]))[0]
            call = {**call, "adapter": adapter, "start_method": self.start_method}
        if call.get("poison") in ("encode_argument", "decode_argument"):
            call = {**call, "poison": Poison(call["poison"])}
        return call

    def do_new(self, step):
        options = dict(step.get("options", {}))
        if "initializer" in options:
            options["initializer"] = self.prepared(options["initializer"])
        self.pools[step["pool"]] = self.pool_class(self.start_method, options)

    def do_submit(self, step):
        pool = self.named(self.pools, step["pool"])
        self.futures[step["future"]] = pool.submit(self.prepared(step["call"]))

    def do_result(self, step):
        future = self.named(self.futures, step["future"])
        return self.pool_class.result(future, seconds(step.get("timeout")))

    def do_map(self, step):
        pool = self.named(self.pools, step["pool"])
        calls = [self.prepared(call) for call in step["calls"]]
        results = iter(pool.map(calls, step.get("options", {})))
        outcomes = []
        # An iterator that gives more than it was asked for is left, after it has shown that it does.
        while len(outcomes) <= len(calls):
            try:
                outcomes.append(self.outcome("map_next", next, results))
            except StopIteration:
                break
        return outcomes

    def do_map_open(self, step):
        pool = self.named(self.pools, step["pool"])
        calls = Inputs([self.prepared(call) for call in step["calls"]])
        self.maps[step["map"]] = iter(pool.map(calls, step.get("options", {})))

    def do_map_next(self, step):
        results = self.named(self.maps, step["map"])
        try:
            return [self.outcome("map_next", next, results)]
        except StopIteration:
            return []

    def do_map_close(self, step):
        self.named(self.maps, step["map"])
        del self.maps[step["map"]]
        gc.collect()

    def do_shutdown(self, step):
        self.named(self.pools, step["pool"]).shutdown(step["wait"], step["cancel"])

    def do_kill_workers(self, step):
        self.named(self.pools, step["pool"]).kill_workers()

    def do_drop(self, step):
        self.named(self.pools, step["pool"])
        del self.pools[step["pool"]]
        gc.collect()

    def do_cancel(self, step):
        return self.named(self.futures, step["future"]).cancel()

    def do_state(self, step):
        future = self.named(self.futures, step["future"])
        if future.cancelled():
            return "cancelled"
        return "done" if future.done() else "running" if future.running() else "pending"

    def do_callback(self, step):
        def callback(future):
            record("callback", step["label"])
            if step.get("fails"):
                raise BodyFailed(f"callback {step['label']}")

        self.named(self.futures, step["future"]).add_done_callback(callback)

    def do_wait(self, step):
        futures = {name: self.named(self.futures, name) for name in step["futures"]}
        until = step["until"].upper()
        timeout = seconds(step.get("timeout"))
        done, not_done = concurrent.futures.wait(futures.values(), timeout, until)
        return {
            "done": [name for name, future in futures.items() if future in done],
            "not_done": [name for name, future in futures.items() if future in not_done],
        }

    def do_as_completed(self, step):
        futures = [self.named(self.futures, name) for name in step["futures"]]
        names = dict(zip(futures, step["futures"]))
        order = []
        try:
            for future in concurrent.futures.as_completed(futures, seconds(step.get("timeout"))):
                order.append(names[future])
        except concurrent.futures.TimeoutError:
            return {"order": order, "timed_out": True}
        return {"order": order, "timed_out": False}

    def do_gate(self, step):
        wait_for_gate(step["gate"])


class Inputs:
    """The input of a map that is opened: tells of each call that is taken from it."""

    def __init__(self, calls):
        self.calls = calls

    def __len__(self):
        return len(self.calls)

    def __iter__(self):
        for call in self.calls:
            record("pull", call["tag"])
            yield call
