"""A counter in a global: each process counts for itself."""

# ANCHOR: main
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

counter = 0


def add(number):
    global counter
    counter += number
    return counter


if __name__ == "__main__":
    add(100)
    for method in ["fork", "spawn"]:
        context = get_context(method)
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            for counted in executor.map(add, [1, 1, 1]):
                print(f"{method}: worker: {counted}")
        print(f"{method}: program: {counter}")
# ANCHOR_END: main
