"""Requests in, answers out: one JSON object a line, on streams that nothing else can reach.

    stdin ──line──▶ serve ──▶ Contender.answer ──▶ serve ──line──▶ stdout

A line on stdout that is no answer, or a request read by a worker, must never happen. The real
streams are therefore moved away before any pool exists; see `private_streams`.
"""

import json
import os
import sys

from contender import Contender
from peers import PEERS


def private_streams():
    """Returns the real stdin and stdout, and leaves an empty input and stderr in their places.

    The copies are closed on exec, so workers of spawn have no way to them. Workers of fork do
    inherit the copies, and have no reason to use them: `print` goes to descriptor 1.
    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def serve(arguments):
    if len(arguments) != 1 or arguments[0] not in PEERS:
        print("usage: peer.py POOL, which is one of:", ", ".join(PEERS), file=sys.stderr)
        return 2
    requests, answers = private_streams()
    contender = Contender(PEERS[arguments[0]])
    try:
        # `readline`, not iteration: a request is answered before the next one is looked for.
        while line := requests.readline():
            try:
                answer = contender.answer(json.loads(line))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer, separators=(",", ":")) + "\n")
            answers.flush()
    finally:
        contender.close_pool()
    return 0
