"""Notes in the file that MARKS names which module ran, and in which process."""

import os


def mark(name):
    if os.environ.get("MARKS"):
        with open(os.environ["MARKS"], "a") as file:
            file.write("%s %d\n" % (name, os.getpid()))
