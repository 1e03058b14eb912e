"""A connection that is open before the workers are forked is one for all.

Anna's query and Carl's run in two workers. Events make Carl's worker read
first, so the two answers change places in every run, not only in some.
"""

import socket
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from threading import Thread

fork = get_context("fork")
sent = fork.Event()
received = fork.Event()


def serve(listener):
    """Answers queries in their order, as a database does."""
    client, _ = listener.accept()
    while name := client.recv(16, socket.MSG_WAITALL).decode().strip():
        client.sendall(f"row of {name}".ljust(16).encode())


# ANCHOR: tasks
def slow_query(name):
    connection.sendall(name.ljust(16).encode())
    sent.set()
    received.wait()
    return connection.recv(16, socket.MSG_WAITALL).decode().strip()


def query(name):
    sent.wait()
    connection.sendall(name.ljust(16).encode())
    answer = connection.recv(16, socket.MSG_WAITALL).decode().strip()
    received.set()
    return answer
# ANCHOR_END: tasks


# ANCHOR: main
def main():
    global connection
    connection = socket.create_connection(address)
    with ProcessPoolExecutor(max_workers=2, mp_context=fork) as executor:
        anna = executor.submit(slow_query, "Anna")
        carl = executor.submit(query, "Carl")
        print("Anna gets:", anna.result())
        print("Carl gets:", carl.result())
# ANCHOR_END: main


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        Thread(target=serve, args=[listener], daemon=True).start()
        main()
