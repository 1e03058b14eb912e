"""billiard: an error of one item of an imap replaces the results of its whole chunk."""
import os

import billiard

def invert(number):
    return 1 / number

if __name__ == "__main__":
    pool = billiard.Pool(1)
    results, got = pool.imap(invert, [1, 2, 0, 4], 4), []
    while True:
        try:
            got.append(next(results))
        except StopIteration:
            break
        except ZeroDivisionError:
            got.append("error")
    print(f"of a chunk with an error in third place came {got}", flush=True)
    os._exit(0 if got[0] == "error" else 1)
