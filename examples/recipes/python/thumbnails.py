"""The twin of src/bin/thumbnails.rs, by Pillow. Ctrl-C reaches the workers too: they ignore it."""

import os
import signal
import sys
from concurrent.futures import CancelledError, ProcessPoolExecutor

from PIL import Image


def initializer():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def paint(path, number):
    image = Image.linear_gradient("L").resize((640, 480)).rotate(number)
    image.convert("RGB").save(path)
    if number % 10 == 9:
        os.truncate(path, os.path.getsize(path) // 2)


def thumbnail(path):
    folder, name = os.path.split(path)
    target = os.path.join(folder, "thumbnails", name)
    image = Image.open(path)
    image.thumbnail((64, 64))
    image.save(target + ".part", "PNG")
    os.rename(target + ".part", target)


def main():
    folder = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    os.makedirs(os.path.join(folder, "thumbnails"), exist_ok=True)
    names = [os.path.join(folder, f"{number:04}.png") for number in range(count)]
    done = left = 0
    with ProcessPoolExecutor(initializer=initializer) as executor:
        list(executor.map(paint, names, range(count)))
        # `map` ends at its first error, so each image is a future.
        futures = [executor.submit(thumbnail, name) for name in names]
        # Once, so the second Ctrl-C ends the program by an exception.
        def stop(*_):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            executor.shutdown(wait=False, cancel_futures=True)

        signal.signal(signal.SIGINT, stop)
        for name, future in zip(names, futures):
            try:
                future.result()
                done += 1
            except CancelledError:
                left += 1
            except Exception as error:
                print(f"{name}: {error}")
            if sys.stderr.isatty():
                print(f"\r{done}/{len(futures)}", end="", file=sys.stderr)
    print(f"{done} of {len(names)} images have a thumbnail, {left} were left out")


if __name__ == "__main__":
    main()
