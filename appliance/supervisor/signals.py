"""Turn signals into calls in the supervisor's loop; the only module that sets signal handlers.

A process without a handler ignores SIGTERM as PID 1, and the container engine would wait ten seconds for it. So
``answer_early`` is the first thing that the program runs, before it imports anything slow.
"""

from __future__ import annotations

import os
import signal
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
# An engine ends a container by SIGTERM, so that is not a failure. The codes of the others are those of a shell.
EXIT_CODES = MappingProxyType({each.name: 0 if each is signal.SIGTERM else 128 + each for each in STOPPING})


def answer_early() -> None:
    """Exit at once when a signal asks for it: there is nothing to stop yet."""

    def end(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not stops_at_hangup():
            return  # a request to reload, before anything is loaded
        os._exit(EXIT_CODES[signal.Signals(number).name])

    for number in STOPPING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)  # noqa: TID251  this is the one place


def listen(
    wake_descriptor: int,
    stop: Callable[[str], None],
    reap: Callable[[], None],
    post: Callable[[Callable[[], None]], None],
    more: Iterable[signal.Signals] = (),
) -> None:
    """Turn each signal into a call in the loop from now on: ``stop`` with its name, or ``reap`` for SIGCHLD.

    ``more``: signals in addition to those that stop a process.
    """

    def on_stop(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        post(lambda: stop(name))

    def on_child(_number: int, _frame: FrameType | None) -> None:
        post(reap)

    signal.set_wakeup_fd(wake_descriptor, warn_on_full_buffer=False)
    for number in (*STOPPING, *more):
        signal.signal(number, on_stop)  # noqa: TID251  this is the one place
    signal.signal(signal.SIGCHLD, on_child)  # noqa: TID251  this is the one place


def on_suspension(before: Callable[[], object] | None, after: Callable[[], object] | None) -> None:
    """At Ctrl-Z call ``before``, stop as usual, and call ``after`` when the process goes on; None: only stop."""
    if before is None or after is None:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)  # noqa: TID251  this is the one place
        return

    def suspend(_number: int, _frame: FrameType | None) -> None:
        before()
        signal.raise_signal(signal.SIGSTOP)  # PID 1 of a container can't be stopped, and goes on at once
        after()

    signal.signal(signal.SIGTSTP, suspend)  # noqa: TID251  this is the one place


def stops_at_hangup() -> bool:
    """Whether SIGHUP means "the terminal is closed", not "reload"; asked before ``listen``.

    The process has a controlling terminal, and was not started to outlive it: ``nohup`` lets SIGHUP be ignored.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def name_of(number: int) -> str:
    """Return the name of a signal, ``SIGSEGV`` for 11; its number, if it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
