"""Runs every peer of peers.json through every operation, and checks what it answers.

    python crates/bench/peers/test_peers.py [NAME...]

Nothing here is a measurement: counts are small, and a figure only has to be possible. Each peer
gets a line. One whose pool is not installed is skipped; one that answers wrongly, prints something
else on stdout, does not answer in time or leaves a process behind fails.

That these checks can fail is checked first, with the fake peer, which has one fault at a time.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

PEERS = Path(__file__).resolve().parent
BENCH = PEERS.parent
# Ends a hang. A shorter one fails on a machine that is busy; a longer one only delays the bad news.
ANSWER_SECONDS = 60
# For the processes that a pool leaves to end by themselves: they notice that the program has gone.
GONE_SECONDS = 5
WITHOUT_MAP = {"workerpool", "tinypool", "jest-worker", "procspawn"}


class Wrong(Exception):
    """An action of a peer that the protocol does not allow."""


class NotInstalled(Exception):
    """Why a peer cannot take part."""


def require(condition, text):
    if not condition:
        raise Wrong(text)


class Program:
    """A running peer, in a session of its own, by which its processes are found again."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command,
            cwd=BENCH,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def ask(self, request, timeout):
        """Returns the answer, and the seconds until it was here."""
        started = time.monotonic()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=timeout)
        except BrokenPipeError:
            raise Wrong(f"it ended before {request}") from None
        except queue.Empty:
            raise Wrong(f"no answer within {timeout} s to {request}") from None
        seconds = time.monotonic() - started
        require(line is not None, f"it ended instead of answering {request}")
        try:
            answer = json.loads(line)
        except ValueError:
            raise Wrong(f"no JSON in answer to {request}: {line!r}") from None
        require(isinstance(answer, dict), f"no object in answer to {request}: {line!r}")
        return answer, seconds

    def finish(self, timeout):
        """Ends its input, and checks that this ends it and all that it started."""
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Wrong(f"it still runs {timeout} s after the end of its input") from None
        require(code == 0, f"exit code {code}")
        line = self.lines.get(timeout=timeout)
        require(line is None, f"a line that nobody asked for: {line!r}")
        deadline = time.monotonic() + GONE_SECONDS
        while left := self.processes():
            require(time.monotonic() < deadline, f"it left processes behind: {left}")
            time.sleep(0.02)

    def processes(self):
        """The processes of its session that have not ended: identifiers and command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                # After the name, which may have anything in it: state, parent, group, session.
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == self.process.pid and state not in "ZX":
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError):
                pass  # It ended while it was looked at.
        return found

    def check_streams(self):
        """None of its processes may read requests or print among the answers."""
        pipes = (self.process.stdin, self.process.stdout)
        streams = {f"pipe:[{os.fstat(pipe.fileno()).st_ino}]" for pipe in pipes}
        for process, command in self.processes().items():
            for number in (0, 1, 2):
                try:
                    stream = os.readlink(f"/proc/{process}/fd/{number}")
                except FileNotFoundError:
                    continue  # This stream is closed, or the process has ended.
                shared = process != self.process.pid and stream in streams
                require(not shared, f"stream {number} of {command!r} is the protocol's")

    def kill(self):
        for process in [*self.processes(), self.process.pid]:
            try:
                os.kill(process, 9)
            except ProcessLookupError:
                pass  # It has ended by itself, as it should.
        self.process.wait()


def check_nanos(answer, count, seconds, pauses=0.0, at_once=1):
    """`count` durations that fit into the `seconds` that the answer took, beside its pauses."""
    nanos = answer.get("nanos")
    require(isinstance(nanos, list) and len(nanos) == count, f"not {count} nanos: {answer}")
    require(all(type(each) is int and each > 0 for each in nanos), f"no durations: {nanos}")
    require(sum(nanos) / 1e9 + pauses <= seconds * at_once, f"more than {seconds} s: {nanos}")


def check_seconds(answer, seconds):
    took = answer.get("seconds")
    require(isinstance(took, float) and 0 < took <= seconds, f"not within {seconds} s: {answer}")


def check(command, name, with_map, timeout=ANSWER_SECONDS):
    """The whole conversation with one peer; returns what it says it is."""
    program = Program(command)
    try:
        hello = check_operations(program, timeout, name, with_map)
        program.finish(timeout)
        return hello
    finally:
        program.kill()


def check_operations(program, timeout, name, with_map):
    def ask(**request):
        return program.ask(request, timeout)

    hello, _ = ask(op="hello")
    if "is not installed" in hello.get("error", ""):
        raise NotInstalled(hello["error"])
    require(hello.get("name") == name, f"the name is not {name!r}: {hello}")
    for key in ("version", "runtime"):
        require(isinstance(hello.get(key), str) and hello[key], f"no {key}: {hello}")

    answer, _ = ask(op="round_trips", count=1, pause_us=0)
    require("error" in answer, f"a round trip without a pool: {answer}")
    answer, _ = ask(op="no such thing")
    require("unsupported" in answer, f"an operation that does not exist: {answer}")

    # Twice, as a pool may be opened again, with another number of workers.
    for workers in (2, 1):
        answer, _ = ask(op="open", workers=workers)
        require(answer == {"ok": True}, f"open: {answer}")
        program.check_streams()
        check_tasks(ask)
        check_map(ask, with_map)
        answer, seconds = ask(op="cold_start", workers=workers)
        check_nanos({"nanos": [answer.get("nanos")]}, 1, seconds)
        # The pool that was open has not been touched.
        answer, seconds = ask(op="round_trips", count=3, pause_us=0)
        check_nanos(answer, 3, seconds)
        answer, _ = ask(op="close")
        require(answer == {"ok": True}, f"close: {answer}")
    answer, seconds = ask(op="cold_start", workers=2)
    check_nanos({"nanos": [answer.get("nanos")]}, 1, seconds)

    # This one is open when the input ends.
    answer, _ = ask(op="open", workers=2)
    require(answer == {"ok": True}, f"open: {answer}")
    return hello


def check_tasks(ask):
    answer, seconds = ask(op="round_trips", count=20, pause_us=0)
    check_nanos(answer, 20, seconds)
    answer, seconds = ask(op="round_trips", count=5, pause_us=3000)
    check_nanos(answer, 5, seconds, pauses=5 * 0.003)
    # A number that the clients cannot divide evenly.
    answer, seconds = ask(op="clients", clients=4, count=42)
    check_nanos(answer, 42, seconds, at_once=4)
    check_seconds(answer, seconds)
    answer, seconds = ask(op="submit_all", count=300)
    check_seconds(answer, seconds)
    # More than a pipe holds, and less than any buffer.
    for size in (1 << 20, 1):
        answer, seconds = ask(op="echo", bytes=size, count=3)
        check_nanos(answer, 3, seconds)


def check_map(ask, with_map):
    # A last chunk that is full, one that is not, one chunk for all, and the pool's own choice.
    for count, chunksize in ((1000, 100), (1001, 100), (50, 1000), (100, None)):
        answer, seconds = ask(op="map", count=count, chunksize=chunksize)
        # A map that its program makes by hand needs to be told the chunk size, and says so.
        by_hand = "by_hand" in answer and chunksize is not None
        if with_map or by_hand:
            check_seconds(answer, seconds)
            require(answer.get("sum") == count * (count + 1) // 2, f"map of {count}: {answer}")
        else:
            require("unsupported" in answer, f"a map that should not be there: {answer}")


FAULTS = {
    "name": "the name is not",
    "count": "not 20 nanos",
    "unit": "no durations",
    "longer than it took": "more than",
    "pause in the figure": "more than",
    "sum": "map of 1000",
    "no map": "not within",
    "print": "no JSON",
    "shared stream": "is the protocol's",
    "one line too many": "nobody asked for",
    "hang": "no answer within",
    "end": "it ended instead of answering",
    "exit code": "exit code 3",
    "left behind": "left processes behind",
}


def check_the_checks():
    """Every fault of the fake peer is found, and named; without a fault it passes."""
    for fault in ("none", *FAULTS):
        # Only the hang waits for this.
        timeout = 2 if fault == "hang" else ANSWER_SECONDS
        found = None
        try:
            check([sys.executable, PEERS / "fake_peer.py", fault], "fake", True, timeout)
        except Wrong as wrong:
            found = str(wrong)
        if fault == "none":
            assert found is None, f"a peer without a fault: {found}"
        else:
            assert found and FAULTS[fault] in found, f"a peer with the fault {fault!r}: {found}"
    print(f"ok       the checks: {len(FAULTS)} faults of a fake peer found")


def program_of(command):
    """The command with its first word resolved as the benchmark does it."""
    kind, *arguments = command
    if kind == "python":
        python = PEERS / ".venv" / "bin" / "python"
        if not python.exists():
            raise NotInstalled("there is no .venv: run peers/install")
        return [python, *arguments]
    if kind == "cargo-bin":
        target = Path(os.environ.get("CARGO_TARGET_DIR", BENCH.parent.parent / "target"))
        for program in (target / profile / arguments[0] for profile in ("release", "debug")):
            if program.exists():
                return [program, *arguments[1:]]
        raise NotInstalled(f"{arguments[0]} has not been built")
    if shutil.which(kind) is None:
        raise NotInstalled(f"there is no {kind}")
    return command


def main(names):
    check_the_checks()
    peers = json.loads((PEERS / "peers.json").read_text())
    unknown = set(names) - {peer["name"] for peer in peers}
    if unknown:
        print(f"not in peers.json: {', '.join(unknown)}", file=sys.stderr)
        return 2
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for peer in peers:
        name = peer["name"]
        if names and name not in names:
            continue
        try:
            hello = check(program_of(peer["command"]), name, name not in WITHOUT_MAP)
            counts["passed"] += 1
            print(f"ok       {name} {hello['version']} on {hello['runtime']}", flush=True)
        except NotInstalled as reason:
            counts["skipped"] += 1
            print(f"skipped  {name}: {reason}", flush=True)
        except Wrong as wrong:
            counts["failed"] += 1
            print(f"FAILED   {name}: {wrong}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in counts.items()))
    return 0 if counts["passed"] > 0 and counts["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
