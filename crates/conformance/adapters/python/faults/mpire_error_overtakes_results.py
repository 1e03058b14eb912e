"""mpire: imap raises the error of an item before it yields the results of the items before it."""
import sys
import time

from mpire import WorkerPool

def fails_third(number):
    if number == 0:
        time.sleep(0.5)
    if number == 2:
        raise ValueError("item 2 is bad")
    return number

if __name__ == "__main__":
    pool = WorkerPool(2, start_method="fork")
    got = []
    try:
        for result in pool.imap(fails_third, range(8), chunk_size=1):
            got.append(result)
    except ValueError as error:
        print(f"{str(error).splitlines()[0]}, after the results {got}")
    sys.exit(1 if got == [0, 1] else 0)
