"""The fork of this process, and what the copy must not share with it.

Owns the only fork of ours. Knows nothing of what a copy becomes: a worker, or a preloader that goes on from here. Runs
in the preloader, whose main thread is its only one.

Theory of operation. It forks twice and waits for the process in between, so that each copy becomes the child of the
supervisor (a child subreaper), which alone waits for it. Signals stay blocked until the copy has undone what it must
not share: a session of its own; descriptors 1 and 2.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def forked() -> Iterator[bool]:
    """Fork: entered twice, with True in the copy and False here. Signals are blocked while it is entered.

    Where no process can be made it is entered once, with False: the supervisor sees that the copy's channel ends.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    flush()
    try:
        yield _fork_twice()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _fork_twice() -> bool:
    try:
        between = os.fork()  # noqa: TID251  the only place that forks
    except OSError:
        return False
    if between:
        os.waitpid(between, 0)
        return False
    try:
        child = os.fork()  # noqa: TID251  as above
    except OSError:
        os._exit(1)
    if child:
        os._exit(0)
    os.setsid()
    return True


def speak_through(outputs: list[int]) -> None:
    """From now on the first two are descriptors 1 and 2; a third is only held, for its lifeline."""
    for number, place in zip(outputs, (1, 2)):  # noqa: B905  two each; strict= is 3.10's, but says no more
        os.dup2(number, place)
        os.close(number)


def flush() -> None:
    """Write what waits in the streams: a copy would write it once more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
