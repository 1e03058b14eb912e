"""A connection is neither an argument nor a result."""

# ANCHOR: main
import sqlite3
from concurrent.futures import ProcessPoolExecutor


def connect(path):
    return sqlite3.connect(path)


def ask(connection):
    return connection.execute("SELECT 1").fetchone()


if __name__ == "__main__":
    with ProcessPoolExecutor(max_workers=1) as executor:
        argument = executor.submit(ask, connect(":memory:"))
        print("as an argument:", argument.exception())
        result = executor.submit(connect, ":memory:")
        print("as a result:", result.exception())
# ANCHOR_END: main
