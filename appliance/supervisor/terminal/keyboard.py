"""Read single keys from the terminal on stdin, and leave the terminal to other readers.

This module knows the modes of the terminal, but not the meaning of the keys. Runs in the supervisor's loop.

Theory of operation. The keyboard turns off the terminal's line editing and echo, and nothing else: Ctrl-C and Ctrl-Z
stay the kernel's. The keyboard reads only while the terminal has the modes that it set: other readers set their own. A
prompt of the project (``worker/stdio``) turns line editing on again for as long as it waits; an editor or a shell sets
other modes. A program that does not change the modes waits in a read, and so gets a key at once. The keyboard looks a
moment later, and so reads only the keys that no other program has read.

The terminal is opened a second time, without blocking: other processes share the descriptor on stdin and its flags. The
kernel stops a background process that reads or changes modes, so the keyboard waits for the foreground (tcgetpgrp(3)).
"""

from __future__ import annotations

import contextlib
import os
import termios
from typing import TYPE_CHECKING, Any

from appliance.supervisor import signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop, Timer

STDIN = 0
_LATER_S = 0.02  # time for another reader to take a key
_AGAIN_S = 0.25  # between two looks at a terminal that somebody else uses
_MOST = 4096  # the most bytes that a terminal keeps
_FLAGS, _CHARACTERS = 3, 6  # the places of the local modes and of the control characters in what tcgetattr returns
_EDITING = termios.ICANON | termios.ECHO


class Keyboard:
    """Calls ``on_key`` with each key, from ``open`` to ``close``."""

    def __init__(self, loop: Loop, on_key: Callable[[str], object]) -> None:
        self._loop = loop
        self._on_key = on_key
        self._terminal = -1
        self._before: list[Any] = []  # the modes at the start
        self._own: list[Any] = []  # the keyboard's
        self._timer: Timer | None = None
        self._was_background = False
        self._stopped = False

    def open(self, descriptor: int = STDIN) -> bool:
        """Begin to read; return False if there is no terminal, or if it can't be used."""
        if not os.isatty(descriptor):
            return False
        try:
            terminal = os.open(os.ttyname(descriptor), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            self._before = termios.tcgetattr(terminal)
        except termios.error:
            os.close(terminal)
            return False
        # In this form tcgetattr returns them: VMIN and VTIME as numbers, since lines are not edited.
        self._own = [*self._before]
        self._own[_FLAGS] &= ~_EDITING
        self._own[_CHARACTERS] = [*self._before[_CHARACTERS]]
        self._own[_CHARACTERS][termios.VMIN], self._own[_CHARACTERS][termios.VTIME] = 1, 0
        self._terminal = terminal
        signals.on_suspension(self._restore, self._resume)
        self._resume()
        return True

    def stop(self) -> None:
        """Read no keys any more, and put the terminal's modes back."""
        if self._terminal < 0 or self._stopped:
            return
        self._stopped = True
        signals.on_suspension(None, None)
        if self._timer is not None:
            self._timer.cancel()
        self._loop.unwatch(self._terminal)
        self._restore()

    def close(self) -> None:
        """Stop, and put the modes back once more: a process that was ended in a prompt may have left its own."""
        if self._terminal < 0:
            return
        self.stop()
        self._restore()
        os.close(self._terminal)
        self._terminal = -1

    def reset(self) -> None:
        """Take the terminal back from a process that has ended; it may have been in the middle of a prompt."""
        if self._terminal >= 0 and not self._stopped:
            self._resume()

    def _resume(self) -> None:
        if self._is_foreground():
            self._set(self._own)
        self._watch()

    def _restore(self) -> None:
        if self._is_foreground():
            self._set(self._before)

    def _watch(self) -> None:
        """Read when there is a key, if the terminal has the keyboard's modes; else look again later."""
        if self._has_our_modes():
            self._loop.watch(self._terminal, self._wait)
        else:
            self._later(_AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        if not self._is_foreground():
            self._was_background = True
        elif self._was_background:
            self._was_background = False
            self._set(self._own)
        self._watch()

    def _wait(self) -> None:
        self._later(_LATER_S, self._read)

    def _read(self) -> None:
        if self._has_our_modes():
            try:
                keys = os.read(self._terminal, _MOST).decode("utf-8", "replace")
            except BlockingIOError:  # another reader has taken the key
                keys = ""
            except OSError:  # the terminal has gone
                return
            # Several characters at once are a pasted text or an arrow key, and not a command.
            if len(set(keys)) == 1:
                self._on_key(keys[0])
        if not self._stopped:
            self._watch()

    def _later(self, after_s: float, call: Callable[[], None]) -> None:
        self._loop.unwatch(self._terminal)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(after_s, call)

    def _has_our_modes(self) -> bool:
        return self._is_foreground() and self._modes() == self._own

    def _is_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:  # this terminal does not control this process: no signal comes from it
            return True

    def _modes(self) -> list[Any]:
        try:
            return termios.tcgetattr(self._terminal)
        except termios.error:
            return []

    def _set(self, modes: list[Any]) -> None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._terminal, termios.TCSANOW, modes)
