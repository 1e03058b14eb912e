"""multiprocessing.Pool: in imap with chunks, one item that fails fails the others of its chunk."""
import multiprocessing
import sys


def invert(number):
    return 1 / number


if __name__ == "__main__":
    with multiprocessing.Pool(1) as pool:
        outcomes = []
        results = pool.imap(invert, [4, 2, 0, 1], chunksize=4)
        while True:
            try:
                outcomes.append(next(results))
            except StopIteration:
                break
            except ZeroDivisionError:
                outcomes.append("error")
    print(f"of four items, the third of which fails, come: {outcomes}")
    sys.exit(0 if outcomes == ["error"] else 1)
