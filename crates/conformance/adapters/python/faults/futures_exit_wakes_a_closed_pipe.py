"""concurrent.futures: a program that drops its executor right before its end may print a traceback.

At the end of the program, the executor's thread is woken without the lock under which that thread
closes the pipe.
"""
import os
import sys
from concurrent.futures import ProcessPoolExecutor


def use_and_drop():
    executor = ProcessPoolExecutor(2)
    executor.submit(abs, -1).result()


if __name__ == "__main__":
    for program in range(1, 3001):
        output, errors = os.pipe()
        if os.fork() == 0:
            os.dup2(errors, 2)
            use_and_drop()
            sys.exit()
        os.close(errors)
        with open(output) as output:
            said = output.read()
        os.wait()
        if "_python_exit" in said and "Error" in said:
            print(f"program {program} said, at last: {said.splitlines()[-1]}")
            sys.exit(0)
    sys.exit("none of 3000 programs said anything")
