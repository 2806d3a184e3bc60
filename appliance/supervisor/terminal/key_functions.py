"""Perform the functions of the terminal's keys: reload, open the page, show the last error, help, and stop.

``keyboard`` reads the keys. The answers go into the log. There are keys only if the log is written for people. Runs in
the supervisor's loop.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.terminal.keyboard import Keyboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.log import Log
    from appliance.supervisor.address import Address
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

HELP = "press ? for the keys; or appliance --help"
_KEYS = """\
keys:
  r       reload the project
  o       open the page in a browser; in a container: show its address
  e       show the last error again, with every frame
  q       stop (Ctrl-C too)
  ?       show this
  Enter   leave a line empty"""
_OPENERS = ("open",) if sys.platform == "darwin" else ("xdg-open", "wslview")  # the latter in Windows' Linux


class Keys:
    """The keys, from ``start`` to ``close``. Without a terminal on stdin, or with a log in JSON, there are none."""

    def __init__(
        self, loop: Loop, log: Log, address: Address, *, in_container: bool,
        reload: Callable[[str], object], stop: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._log = log
        self._address = address
        self._in_container = in_container
        self._reload = reload
        self._stop = stop
        self._keyboard = Keyboard(loop, self.pressed)
        self._functions: dict[str, Callable[[], object]] = {
            "r": lambda: self._reload("key r"),
            "o": self._open,
            "e": self._show_error,
            "q": lambda: self._stop("key q"),
            "?": lambda: self._log.say(_KEYS),
            "\n": lambda: self._log.say(""),
            "\r": lambda: self._log.say(""),
        }

    def start(self) -> None:
        """Read keys from now on, if a person can press any."""
        if self._log.is_for_people:
            self._keyboard.open()

    def stop(self) -> None:
        """Read no key any more."""
        self._keyboard.stop()

    def close(self) -> None:
        """Leave the terminal as it was before the start."""
        self._keyboard.close()

    def ended(self, child: Handle) -> None:
        """Take the terminal back from a worker that may have ended in the middle of a prompt."""
        if child.role is Role.WORKER:
            self._keyboard.reset()

    def pressed(self, key: str) -> None:
        """Perform the key's function; a key without one does nothing."""
        function = self._functions.get(key)
        if function is not None:
            function()

    def _open(self) -> None:
        url = self._address.url
        if url is None:
            self._log.say(str(self._address.fields("")["action"]))
            return
        self._log.say(f"open {url}")
        opener = None if self._in_container else next(filter(None, map(shutil.which, _OPENERS)), None)
        if opener is not None:
            nothing = subprocess.DEVNULL
            subprocess.Popen(  # noqa: S603  a program of the desktop, with our own URL
                [opener, url], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )

    def _show_error(self) -> None:
        if not self._log.say_last_error():
            self._log.say("no error since the start")
