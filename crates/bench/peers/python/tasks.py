"""The tasks of the workers. Importable by name from a fresh interpreter, and importing next to nothing:
loading this module is a part of every cold start."""

import os
import time

initialized = False


def initialize():
    """The initializer of a cold start."""
    global initialized
    initialized = True


def is_initialized():
    return initialized


def noop():
    pass


def identity(value):
    return value


def increment(number):
    return number + 1


def rest(seconds):
    """Keeps its worker busy, so that the next task needs another one; says which worker it was."""
    time.sleep(seconds)
    return os.getpid()
