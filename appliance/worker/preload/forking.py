"""Fork this process, and undo what the copy must not share with it.

The only module of ours that forks. A copy becomes a worker, or a preloader that continues from here, or tries a step.
Runs in the preloader and the snapshot, whose main thread is their only thread.

Theory of operation. It forks twice and waits for the process in between, so that each copy becomes a child of the
supervisor (a child subreaper), which alone waits for it. Signals stay blocked until the copy has its own session and
its own descriptors 1 and 2.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def forked() -> Iterator[bool]:
    """Fork: the context yields True in the copy, and False here. Signals are blocked within it.

    If no process can be made, it yields only False: the supervisor sees that the copy's channel ends.
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


def succeeds_in_fork(step: Callable[[], bool]) -> bool:
    """Whether a step returns True in a fork, which ends then: this process is as before. False without a fork."""
    try:
        child = os.fork()  # noqa: TID251  as above
    except OSError:
        return False
    if child:
        return os.waitpid(child, 0)[1] == 0
    succeeded = False
    try:
        succeeded = step()
    finally:
        os._exit(0 if succeeded else 1)


def set_outputs(outputs: list[int]) -> None:
    """Make the first two descriptors 1 and 2; a third one is only kept open, as a lifeline."""
    for number, place in zip(outputs, (1, 2)):  # noqa: B905  two each; strict= exists since 3.10, but adds nothing
        os.dup2(number, place)
        os.close(number)


def flush() -> None:
    """Write the buffered output of the streams: otherwise a copy would write it again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
