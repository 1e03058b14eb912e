"""State that lives in a worker: a global that the initializer sets."""

# ANCHOR: main
from concurrent.futures import ProcessPoolExecutor


class Connection:
    def __init__(self):
        self.uses = 0

    def __del__(self):
        print(f"connection closed after {self.uses} use(s)", flush=True)


def connect():
    global connection
    connection = Connection()


def task(identifier):
    connection.uses += 1
    uses = connection.uses
    return f"task {identifier}: {uses} use(s) of this connection"


if __name__ == "__main__":
    with ProcessPoolExecutor(
        max_workers=1, initializer=connect
    ) as executor:
        for line in executor.map(task, range(1, 5)):
            print(line)
# ANCHOR_END: main
