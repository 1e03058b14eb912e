"""The table of Python pools, and how one of them is loaded."""

import platform
from importlib import import_module, metadata
from typing import NamedTuple, Optional


class Peer(NamedTuple):
    """A pool and the start method of its workers."""

    name: str
    # A module in `pools`, which has a class `Pool`.
    module: str
    # Whose version is reported; None is Python itself.
    distribution: Optional[str] = None
    # None: the pool has one of its own.
    start_method: Optional[str] = None

    def version(self):
        """Raises `PackageNotFoundError`, an `ImportError`, when the pool is not installed."""
        if self.distribution is None:
            return platform.python_version()
        return metadata.version(self.distribution)

    def pool_class(self):
        return import_module(f"pools.{self.module}").Pool


# Where the start method is the user's choice, fork comes first: all of these pools start fastest
# with it, and it is what billiard, mpire and pebble use on Linux when nobody chooses.
PEERS = {
    "futures-fork": Peer("concurrent.futures fork", "futures", start_method="fork"),
    "futures-spawn": Peer("concurrent.futures spawn", "futures", start_method="spawn"),
    "futures-forkserver": Peer(
        "concurrent.futures forkserver", "futures", start_method="forkserver"
    ),
    "multiprocessing-fork": Peer(
        "multiprocessing.Pool fork", "multiprocessing_pool", start_method="fork"
    ),
    "multiprocessing-spawn": Peer(
        "multiprocessing.Pool spawn", "multiprocessing_pool", start_method="spawn"
    ),
    "loky": Peer("loky", "loky", "loky"),
    "pebble-fork": Peer("pebble fork", "pebble", "pebble", "fork"),
    "billiard-fork": Peer("billiard fork", "billiard", "billiard", "fork"),
    "mpire-fork": Peer("mpire fork", "mpire", "mpire", "fork"),
}
