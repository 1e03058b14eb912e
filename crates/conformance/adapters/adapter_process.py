"""How a test runs an adapter, and what came of it.

Owns the process, its folder and its gates. Knows the form of lines and events, and no adapter.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

# Ends a hang. A shorter one fails on a machine that is busy; a longer one only delays the bad news.
SECONDS = 60


class Wrong(Exception):
    """An action of an adapter that the contract does not allow."""


def require(condition, text):
    if not condition:
        raise Wrong(text)


class Run:
    """The outcome of `ADAPTER run`: its process id, exit code, standard streams, lines and trace."""

    def __init__(self, process, folder):
        read = lambda name: (folder / name).read_text() if (folder / name).exists() else ""
        self.pid, self.code = process.pid, process.returncode
        self.stdout, self.stderr = read("stdout"), read("stderr")
        self.lines = json_lines(self.stdout, "standard output")
        self.trace = json_lines(read("trace"), "the trace")


def json_lines(text, where):
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        raise Wrong(f"no lines of JSON in {where}: {text[:300]!r}") from None


@contextmanager
def scratch():
    """A folder for a run, that it has to itself."""
    folder = Path(tempfile.mkdtemp(prefix="adapter-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def has_members(group):
    """Whether there is a process in a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def run(command, steps, gates=()):
    """Has an adapter carry out steps. A gate is opened when the task of its name has begun."""
    client = {"name": "main", "steps": steps}
    scenario = json.dumps({"contract": 1, "case": "test.of-adapters", "clients": [client]})
    with scratch() as folder:
        # Files, as the streams of the suite are; a file never makes a writer wait for its reader.
        (folder / "scenario").write_text(scenario)
        with (
            open(folder / "scenario") as stdin,
            open(folder / "stdout", "a+") as stdout,
            open(folder / "stderr", "a+") as stderr,
        ):
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, "CONFORMANCE_DIR": str(folder)},
                start_new_session=True,
            )
            trace = folder / "trace"
            deadline = time.monotonic() + SECONDS
            closed = set(gates)
            while process.poll() is None:
                text = trace.read_text() if trace.exists() else ""
                for gate in [gate for gate in closed if f'"{gate}"' in text]:
                    (folder / f"gate-{gate}").touch()
                    closed.remove(gate)
                if time.monotonic() > deadline:
                    # It leads a process group of its own, with its workers.
                    os.killpg(process.pid, 9)
                    process.wait()
                    said = (folder / "stderr").read_text()
                    raise Wrong(f"it did not end within {SECONDS} s; it says: {said[:500]!r}")
                time.sleep(0.002)
        while has_members(process.pid):
            if time.monotonic() > deadline:
                os.killpg(process.pid, 9)
                raise Wrong("it left processes behind")
            time.sleep(0.002)
        return Run(process, folder)


def describe(command, **environment):
    """Returns the finished `ADAPTER describe`."""
    return subprocess.run(
        [*command, "describe"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, **environment},
    )
