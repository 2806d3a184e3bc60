"""``appliance serve`` in which one call fails: ``python -I run_with_fault.py FAULT``, while the file ARMED is there.

FAULT is JSON: ``{"call": ..., "which": ..., "error": ..., "times": ...}``. ``call`` is a name of the table below, or
``module:Class.method``; ``which`` narrows it (the role of a child, the name of a thread, a descriptor); ``error`` is an
errno's name or a built-in exception's; ``times`` is how often it fails, -1 without end. Each failure that was made is a
line in the file MADE.
"""

from __future__ import annotations

import builtins
import errno
import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.__main__ import main as appliance
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.workers import connection_router, workers


class Fault:
    """One fault, while it is armed."""

    def __init__(self, told: dict[str, Any], armed: Path, made: Path) -> None:
        self.which = str(told.get("which", ""))
        self._error = told["error"]
        self._left = int(told["times"])
        self._armed = armed
        self._made = made

    def meet(self, which: object = "") -> None:
        """Fail, if it is time for that."""
        if not self._left or self.which not in str(which) or not self._armed.exists():
            return
        self._left -= 1
        with self._made.open("a") as file:
            file.write(f"{which}\n")
        number = getattr(errno, self._error, None)
        if number is not None:
            raise OSError(number, os.strerror(number))
        raise getattr(builtins, self._error)(f"{self._error} of the test's")


def before(holder: Any, name: str, fault: Fault, which: Callable[..., object] = lambda *_, **__: "") -> None:
    """Have the fault come before each call of ``holder.name``; ``which`` tells what a call is about."""
    real = getattr(holder, name)

    def called(*given: Any, **named: Any) -> Any:
        fault.meet(which(*given, **named))
        return real(*given, **named)

    setattr(holder, name, called)


def in_children(holder: Any, name: str, fault: Fault) -> None:
    """Have the fault come before each such call that the start of a child of one role makes."""
    role = ""
    start = child_starts._spawn

    def spawn(kind: Role, *given: Any, **named: Any) -> Any:
        nonlocal role
        role = kind
        try:
            return start(kind, *given, **named)
        finally:
            role = ""

    child_starts._spawn = spawn  # type: ignore[assignment]
    before(holder, name, fault, lambda *_, **__: role or "none")


def inject(call: str, fault: Fault) -> None:
    """Put the fault in its place."""
    if call in {"Popen", "pipe", "socketpair"}:
        in_children({"Popen": subprocess, "pipe": os, "socketpair": socket}[call], call, fault)
    elif call == "thread":
        before(threading.Thread, "start", fault, lambda thread: thread.name)
    elif call == "write":
        before(os, "write", fault, lambda descriptor, _data: descriptor)
    elif call in {"memfd_create", "dup", "read", "waitpid", "killpg"}:
        before(os, call, fault)
    elif call == "accept":
        before(socket.socket, "accept", fault)
    else:
        module, _, path = call.partition(":")
        holder: Any = importlib.import_module(module)
        *outer, name = path.split(".")
        for each in outer:
            holder = getattr(holder, each)
        before(holder, name, fault, lambda *given, **named: f"{given[1:]} {named}")


def hasten() -> None:
    """Shorten the waits that only spare others: a test waits for their ends."""
    connection_router.WAIT_S, connection_router.START_S, connection_router.RETRY_S = 0.2, 0.0, 0.01
    workers.REPORT_MODULES_S = (0.05, 15.0)


def main() -> None:
    """Inject the fault, then be the appliance."""
    told = json.loads(sys.argv[1])
    del sys.argv[1:]
    hasten()
    inject(told["call"], Fault(told, Path(told["armed"]), Path(told["made"])))
    appliance()


if __name__ == "__main__":
    main()
