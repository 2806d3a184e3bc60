"""Signals to calls in the supervisor's loop; the one place of ours that sets handlers.

Owns the dispositions. As PID 1 a process without a handler ignores SIGTERM, and the engine waits ten seconds for it;
so the first thing that the program does, before it imports anything slow, is ``answer_early``.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def answer_early() -> None:
    """Until there is something to stop: end at once, as asked."""

    def end(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not has_terminal():
            return  # a wish to reload what is about to be loaded
        os._exit(0 if number == signal.SIGTERM else 128 + number)

    for number in STOPPING:
        signal.signal(number, end)  # noqa: TID251  this is the one place


def listen(
    wake_descriptor: int,
    stop: Callable[[str], None],
    reap: Callable[[], None],
    post: Callable[[Callable[[], None]], None],
) -> None:
    """From now on a signal is a call in the loop: ``stop`` with its name, or ``reap`` for SIGCHLD."""

    def on_stop(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        post(lambda: stop(name))

    def on_child(_number: int, _frame: FrameType | None) -> None:
        post(reap)

    signal.set_wakeup_fd(wake_descriptor, warn_on_full_buffer=False)
    for number in STOPPING:
        signal.signal(number, on_stop)  # noqa: TID251  this is the one place
    signal.signal(signal.SIGCHLD, on_child)  # noqa: TID251  this is the one place


def has_terminal() -> bool:
    """Whether this process has a controlling terminal: then SIGHUP says that it has gone, and is no wish to reload."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def name_of(number: int) -> str:
    """``SIGSEGV`` for 11; the number for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
