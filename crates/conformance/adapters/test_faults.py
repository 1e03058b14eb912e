"""Runs the reproductions of known faults, each a program of its own that does without the suite.

    python3 crates/conformance/adapters/test_faults.py [--all] [NAME...]

A reproduction ends with 0 if the fault shows. One that ends otherwise, or not within two minutes, is an
error here: the pool has been mended, or the reproduction is wrong, and what is said of the fault in
`expectations/` with it. Names, or parts of them, choose. A reproduction whose language or package is
not installed is skipped; when all are, that is an error, and with `--all` when one is.

Most of them wait for what does not come, so several run at once.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent
CRATES = ADAPTERS.parents[1]
VENV = CRATES / "bench/peers/.venv/bin/python"
# Some wait for a race, and repeat it until it shows.
SECONDS = 120
AT_ONCE = 8
# Besides Python, where each language's programs find the pools that were installed for its adapters.
RUNNERS = {".py": [str(VENV)], ".mjs": ["node"], ".pl": ["perl"], ".rb": ["ruby"], ".R": ["Rscript"]}
CARGO = ["cargo", "--locked", "--quiet"]
RUST = ["--package", "procpool-peers"]
NOT_INSTALLED = re.compile(r"ModuleNotFoundError|ERR_MODULE_NOT_FOUND|Can't locate \S+ in @INC|cannot load such file|there is no package called")


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


def programs(names):
    """Returns the reproductions that are called so, or all."""
    files = [*ADAPTERS.glob("*/faults/*"), *CRATES.glob("peers/examples/*")]
    return sorted(
        (path for path in files if path.suffix in (*RUNNERS, ".rs")
         and (not names or any(name in path.name for name in names))),
        key=lambda path: path.name,
    )


def command(program):
    if program.suffix == ".rs":
        return [*CARGO, "run", *RUST, "--example", program.stem]
    return [*RUNNERS[program.suffix], str(program)]


def run(program):
    """Returns what became of a reproduction, in a word, what it said, and after how long."""
    began = time.monotonic()
    result, said = outcome(program)
    return result, said, time.monotonic() - began


def outcome(program):
    runner, *arguments = command(program)
    if shutil.which(runner) is None:
        return "skipped", f"{runner} is not installed"
    # Files and not pipes: a process that outlives its program would hold a pipe open, or fill it.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            [runner, *arguments], cwd=CRATES.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
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


def main(arguments):
    names = [name for name in arguments if name != "--all"]
    chosen = programs(names)
    if any(program.suffix == ".rs" for program in chosen) and shutil.which("cargo"):
        subprocess.run([*CARGO, "build", *RUST, "--examples"], cwd=CRATES.parent, check=True)
    results = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for program, (result, said, seconds) in zip(chosen, threads.map(run, chosen)):
            results.append(result)
            print(f"{result:8} {program.relative_to(CRATES)} ({seconds:.1f} s)")
            print("".join(f"         {line}\n" for line in said.splitlines()), end="", flush=True)
    count = {result: results.count(result) for result in ("shown", "skipped", "FAILED")}
    print(", ".join(f"{number} {result}" for result, number in count.items()))
    if not count["shown"] and not count["FAILED"]:
        sys.exit("no reproduction was run: none has such a name, or nothing is installed")
    sys.exit(1 if count["FAILED"] or ("--all" in arguments and count["skipped"]) else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
