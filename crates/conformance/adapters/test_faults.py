"""Runs the reproductions of known faults, each a program of its own that does without the suite.

    python3 crates/conformance/adapters/test_faults.py [NAME...]

A reproduction ends with 0 if the fault shows. One that ends otherwise, or not within a minute, is an
error here: the pool has been mended, or the reproduction is wrong, and what is said of the fault in
`expectations/` with it. Names, or parts of them, choose. A reproduction whose language or package is
not installed is skipped, and when all are, that is an error.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent
VENV = ADAPTERS.parents[1] / "bench/peers/.venv/bin/python"
SECONDS = 60
# Besides Python, where each language's programs find the pools that were installed for its adapters.
RUNNERS = {".py": str(VENV), ".mjs": "node", ".pl": "perl"}
NOT_INSTALLED = re.compile(r"ModuleNotFoundError|ERR_MODULE_NOT_FOUND|Can't locate \S+ in @INC")


def end_session(leader):
    """Ends what a reproduction has left behind: some are about workers that outlive their program."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            if os.getsid(pid) == leader:
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # It has ended, or is nobody of ours.


def run(program):
    """Returns what became of a reproduction, in a word, and what it said."""
    runner = RUNNERS[program.suffix]
    if shutil.which(runner) is None:
        return "skipped", f"{runner} is not installed"
    # Files and not pipes: what outlives its program would hold a pipe open, or fill it.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [runner, str(program)], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            start_new_session=True,
        )
        try:
            code = child.wait(SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        end_session(child.pid)
        child.wait()
        said, errors = (file.seek(0) or file.read().strip() for file in (output, errors))
    said = said or errors
    if code is None:
        return "FAILED", f"it has not ended within {SECONDS} s\n{said}"
    if code == 0:
        return "shown", said
    if NOT_INSTALLED.search(errors):
        return "skipped", errors.splitlines()[-1]
    return "FAILED", f"it ended with {code}\n{said}\n{errors}"


def main(names):
    programs = sorted(
        path for path in ADAPTERS.glob("*/faults/*")
        if path.suffix in RUNNERS and (not names or any(name in path.name for name in names))
    )
    results = []
    for program in programs:
        result, said = run(program)
        results.append(result)
        print(f"{result:8} {program.relative_to(ADAPTERS)}")
        print("".join(f"         {line}\n" for line in said.splitlines()), end="", flush=True)
    if "shown" not in results and "FAILED" not in results:
        sys.exit("no reproduction was run: none has such a name, or nothing is installed")
    sys.exit(1 if "FAILED" in results else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
