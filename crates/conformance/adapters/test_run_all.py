"""Runs run-all on pools that a stand-in for cargo judges, and checks what it says and how it ends.

    python3 crates/conformance/adapters/test_run_all.py

The folder that it works in has a copy of run-all and a list of adapters of its own. A pool's command
holds, as JSON, the stand-in's answers and files.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

RUN_ALL = Path(__file__).resolve().parents[1] / "run-all"

# Judges as the command says; merges by naming the files that it was given. With `after`, it ends when the
# file of that name is there, or at last by a fault; with `makes` it makes one.
CARGO = f"""#!{sys.executable}
import json, os, sys, time
from pathlib import Path
words, began = sys.argv[1:], time.monotonic()
if words[0] == "test" and "--no-run" not in words:
    of = json.loads(os.environ["PROCPOOL_ADAPTER"])
    print("running 3 tests", flush=True)
    for index, outcome in enumerate(of.get("outcomes", [])):
        print(f"test spawn::a.{{index}} ... {{outcome}}", flush=True)
    if "makes" in of:
        Path(of["makes"]).touch()
    while "after" in of and not Path(of["after"]).exists():
        if time.monotonic() > began + 50:
            sys.exit(f"nobody makes {{of['after']}}")
        time.sleep(0.01)
    if "verdicts" in of:
        cases = [{{"id": f"a.{{i}}", "verdict": it}} for i, it in enumerate(of["verdicts"])]
        results = {{"runs": [{{"cases": cases, **of.get("run", {{}})}}]}}
        Path(os.environ["CONFORMANCE_RESULTS"]).write_text(json.dumps(results))
    sys.exit(of.get("code", 0))
if words[0] == "build" and os.environ.get("NOT_BUILT"):
    sys.exit(101)
if "merge" in words:
    Path("merged").write_text(" ".join(Path(word).name for word in words if word.endswith(".json")))
"""


class RunAll(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "crates/conformance/adapters").mkdir(parents=True)
        shutil.copy(RUN_ALL, self.root / "crates/conformance")
        (self.root / "bin").mkdir()
        cargo = self.root / "bin/cargo"
        cargo.write_text(CARGO)
        cargo.chmod(0o755)

    def run_all(self, pools, *arguments, **variables):
        adapters = [{"name": name, "command": json.dumps(of)} for name, of in pools.items()]
        (self.root / "crates/conformance/adapters/all.json").write_text(json.dumps(adapters))
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, str(self.root / "crates/conformance/run-all"), *arguments],
            capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path, **variables},
        )

    def check(self, made, code, *lines):
        self.assertEqual(made.returncode, code, made)
        for line in lines:
            self.assertRegex(made.stdout + made.stderr, rf"(?m)^{line}$")

    def read_to(self, terminal, text):
        said, deadline = b"", time.monotonic() + 60
        while text not in said:
            self.assertLess(time.monotonic(), deadline, said)
            said += os.read(terminal, 4096)

    def test_each_pool_has_a_line_with_its_outcome(self):
        verdicts = ["passed", "passed", "unsupported", "expected_failure"]
        made = self.run_all({"one fork": {"verdicts": verdicts}, "two": {"verdicts": ["passed"]}})
        self.check(
            made, 0,
            r"one fork: 2 passed, 0 failed, 1 known to fail, 1 unsupported, \d+ s: as expected",
            r"two: 1 passed, 0 failed, 0 unsupported, \d+ s: as expected",
            "all are as expected",
        )
        self.assertEqual((self.root / "merged").read_text(), "one-fork.json two.json results.json")

    def test_an_unexpected_outcome_is_reported_and_stops_nothing(self):
        bad = {"verdicts": ["failed", "unexpected_pass", "adapter_error"], "code": 101}
        made = self.run_all({"bad": bad, "good": {"verdicts": ["passed"]}})
        self.check(
            made, 1,
            r"bad: 1 passed, 1 failed, 1 adapter error, 0 unsupported, \d+ s: NOT as expected, see .*bad\.log",
            r"    a\.0: failed",
            r"    a\.1: passed, though it is known to fail",
            r"    a\.2: adapter error",
            r"good: 1 passed.* as expected",
            "not as expected: bad",
        )

    def test_a_dead_adapter_is_reported_with_its_reason(self):
        dead = {"verdicts": ["adapter_error"], "code": 101, "run": {"fault": "not installed"}}
        self.check(self.run_all({"dead": dead}), 1, "    not installed", "not as expected: dead")

    def test_results_of_an_earlier_run_are_not_reused(self):
        self.check(self.run_all({"one": {"verdicts": ["passed"]}, "two": {"verdicts": ["passed"]}}), 0)
        made = self.run_all({"one": {"code": 101}, "two": {"verdicts": ["passed"]}})
        self.check(made, 1, r"one: NOT as expected: it has no results, see .*one\.log")
        self.assertEqual((self.root / "merged").read_text(), "two.json results.json")

    def test_names_select_pools(self):
        pools = {name: {"verdicts": ["passed"]} for name in ("pool fork", "pool spawn", "other")}
        self.check(self.run_all(pools, "spawn", "oth"), 0)
        self.assertEqual((self.root / "merged").read_text(), "pool-spawn.json other.json results.json")
        made = self.run_all(pools, "spawn", "loky")
        self.check(made, 2, "no adapter is called 'loky'; there are: pool fork, pool spawn, other")

    def test_several_pools_are_judged_in_parallel(self):
        # The first ends when the second has begun, and the reports keep their order.
        pools = {
            "one": {"verdicts": ["passed"], "after": "second"},
            "two": {"verdicts": ["passed"], "makes": "second"},
        }
        self.check(self.run_all(pools, "-j", "2"), 0, "all are as expected")
        self.assertEqual((self.root / "merged").read_text(), "one.json two.json results.json")

    def test_a_pool_that_is_not_built_is_not_judged(self):
        self.check(self.run_all({"one": {"verdicts": ["passed"]}}, NOT_BUILT="1"), 2)
        self.assertFalse((self.root / "merged").exists())

    def test_an_invalid_number_of_pools_is_refused(self):
        for number in ("0", "x", "-1"):
            self.assertEqual(self.run_all({"one": {}}, "-j", number).returncode, 2)

    def test_a_terminal_shows_the_progress(self):
        # The pool is not done before its line was seen.
        pools = {"one": {"verdicts": ["passed"], "outcomes": ["ok", "FAILED"], "after": "seen"}}
        adapters = [{"name": name, "command": json.dumps(of)} for name, of in pools.items()]
        (self.root / "crates/conformance/adapters/all.json").write_text(json.dumps(adapters))
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        here, there = os.openpty()
        child = subprocess.Popen(
            [sys.executable, str(self.root / "crates/conformance/run-all")],
            stdin=subprocess.DEVNULL, stdout=there, stderr=there, env={**os.environ, "PATH": path},
        )
        os.close(there)
        self.addCleanup(child.kill)
        self.read_to(here, b"one: 2 of 3 cases, ")
        (self.root / "seen").touch()
        self.read_to(here, b"all are as expected")
        self.assertEqual(child.wait(), 0)
        os.close(here)


if __name__ == "__main__":
    unittest.main()
