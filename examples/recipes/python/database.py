"""The twin of src/bin/database.rs: a connection per worker, in a global that the initializer sets."""

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

WORKERS = 4


def initializer(url, barrier):
    global write
    write = connect(url)
    barrier.wait()  # All four connect before the first task.


def connect(url):
    if url.startswith("postgres://"):
        import psycopg2

        connection = psycopg2.connect(url, application_name="procpool-recipe")
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            "BEGIN; SELECT pg_advisory_xact_lock(1);"
            "CREATE TABLE IF NOT EXISTS written (worker BIGINT, item BIGINT); COMMIT"
        )
        insert = "INSERT INTO written VALUES (%s, %s) RETURNING pg_backend_pid()"

        def write(item):
            cursor.execute(insert, (os.getpid(), item))
            return cursor.fetchone()[0]

    elif url.startswith("redis://"):
        import redis

        connection = redis.Redis.from_url(url)  # Its pool has one connection.

        def write(item):
            return connection.pipeline().rpush("written", item).client_id().execute()[1]

    else:
        import sqlite3

        connection = sqlite3.connect(url, timeout=60, isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE IF NOT EXISTS written (worker, item)")

        def write(item):
            connection.execute("INSERT INTO written VALUES (?, ?)", (os.getpid(), item))
            return os.getpid()

    return write


def task(item):
    try:
        return write(item), None
    except Exception as error:
        return None, str(error)


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else os.path.join(tempfile.mkdtemp(), "written.db")
    context = get_context("fork")
    arguments = (url, context.Barrier(WORKERS))
    with ProcessPoolExecutor(WORKERS, context, initializer, arguments) as executor:
        following = 0
        for line in sys.stdin:
            items = range(following, following + int(line))
            following = items.stop
            results = list(executor.map(task, items, chunksize=20))
            connections = {connection for connection, error in results if error is None}
            errors = [error for _, error in results if error is not None]
            counted = {error: errors.count(error) for error in set(errors)}
            rows = len(results) - len(errors)
            print(f"{rows} rows by {len(connections)} connections, errors: {counted}", flush=True)


if __name__ == "__main__":
    main()
