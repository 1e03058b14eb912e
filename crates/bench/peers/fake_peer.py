"""A peer without a pool, for test_peers.py: `python fake_peer.py FAULT`.

Its answers have the right form, but for the one fault that it is asked for; with `none`, all of
them have.
"""

import json
import subprocess
import sys
import time


def serve(fault):
    opened = False
    for line in sys.stdin:
        request = json.loads(line)
        op, count = request["op"], request.get("count", 0)
        # The figures are 1 ns: possible in any case.
        pause = request.get("pause_us", 0) / 1e6 * count
        time.sleep(pause)
        nanos = [1] * count
        if fault == "count":
            nanos = nanos[1:]
        elif fault == "unit":
            nanos = [1e-9] * count
        elif fault == "longer than it took":
            nanos = [10**12] * count
        elif fault == "pause in the figure" and pause:
            nanos = [request["pause_us"] * 1000 + 1] * count
        answer = {
            "hello": {"name": "faker" if fault == "name" else "fake", "version": "1", "runtime": "1"},
            "open": {"ok": True},
            "round_trips": {"nanos": nanos} if opened else {"error": "no pool is open"},
            "clients": {"seconds": 1e-9, "nanos": nanos},
            "submit_all": {"seconds": 1e-9},
            "map": {"seconds": 1e-9, "sum": count * (count + 1) // 2 - (fault == "sum")},
            "echo": {"nanos": nanos},
            "cold_start": {"nanos": 1},
            "close": {"ok": True},
        }.get(op, {"unsupported": op})
        opened = op == "open" or opened and op != "close"
        if op == "map" and fault == "no map":
            answer = {"unsupported": "no map"}
        elif op == "echo" and fault == "print":
            print("a worker says hello")
        elif op == "open" and fault == "shared stream":
            subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
        elif op == "echo" and fault == "hang":
            time.sleep(60)
        elif op == "echo" and fault == "end":
            return 0
        print(json.dumps(answer), flush=True)
    if fault == "one line too many":
        print("{}")
    elif fault == "left behind":
        subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return 3 if fault == "exit code" else 0


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
