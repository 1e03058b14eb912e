"""One Python pool as a contender: `python peer.py POOL` answers the requests of ../README.md.

A worker of the spawn and forkserver start methods imports this file before its first task.
Everything else is therefore imported under the guard: a worker loads `tasks` and no more.
"""

if __name__ == "__main__":
    import sys

    from protocol import serve

    sys.exit(serve(sys.argv[1:]))
