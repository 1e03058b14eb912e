"""pebble: a chunk with a result that cannot be encoded gives one error, and later results move up."""
import threading

from pebble import ProcessPool

def negative(number):
    return threading.Lock() if number == 1 else -number

if __name__ == "__main__":
    with ProcessPool(max_workers=1) as pool:
        results, outcomes = pool.map(negative, range(6), chunksize=3).result(), []
        while True:
            try:
                outcomes.append(next(results))
            except StopIteration:
                break
            except Exception as error:
                outcomes.append(type(error).__name__)
    print(f"a map over six items in two chunks, the first of them bad, gave {outcomes}")
    raise SystemExit(0 if len(outcomes) == 4 and outcomes[1:] == [-3, -4, -5] else 1)
