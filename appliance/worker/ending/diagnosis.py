"""Explain why a worker can't go on: the project has removed something that the worker needs.

Compares the state before the project's code ran with the state when code of ours fails. Runs in every worker. The
module looks up the functions that it needs beforehand, because the project's code may replace them.
"""

from __future__ import annotations

import builtins
import json
import os
import select
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

from ... import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_fstat, _audit = os.fstat, sys.audit
_type, _getattr, _len, _callable = type, getattr, len, callable
_WATCHED = (builtins, json, os, socket, select, threading, time)
_MAX_NAMES = 6


class Diagnosis:
    """Compares the state at its creation with the present one.

    Args:
        descriptors: the descriptors that the worker needs, by name.
    """

    def __init__(self, descriptors: Mapping[str, int]) -> None:
        self._descriptors = {name: (number, _identity(number)) for name, number in descriptors.items()}
        self._functions = [(module, dict(vars(module))) for module in _WATCHED]

    def explain(self, error: BaseException) -> str:
        """Explain an error, as far as possible; never raises."""
        explain = _join((self._closed, self._replaced, _audited, lambda: _describe(error)))
        return explain or "the project has replaced built-in functions that the worker needs"

    def causes(self, error: BaseException) -> str:
        """Return the project's changes that explain the error, if it came from our own code; never raises."""
        return _join((self._closed, self._replaced, _audited)) if _join((lambda: _is_ours(error),)) else ""

    def lacks_descriptors(self) -> bool:
        """Whether one of the descriptors was closed, or replaced by another."""
        return bool(self._closed())

    def _closed(self) -> str:
        gone = [name for name, (number, known) in self._descriptors.items() if _identity(number) != known]
        return f"the project has closed descriptors that it did not open ({', '.join(gone)})" if gone else ""

    def _replaced(self) -> str:
        if "gevent.monkey" in sys.modules or "eventlet.patcher" in sys.modules:
            return ""  # their replacements are made to be compatible
        names = [
            f"{module.__name__}.{name}"
            for module, known in self._functions
            for name, value in known.items()
            if _callable(value) and _getattr(module, name, None) is not value
        ]
        more = f" and {_len(names) - _MAX_NAMES} more" if _len(names) > _MAX_NAMES else ""
        return f"the project has replaced {', '.join(names[:_MAX_NAMES])}{more}" if names else ""


def _join(checks: tuple[Callable[[], str], ...]) -> str:
    explain = ""
    for check in checks:
        try:
            found = check()
        except BaseException:  # noqa: BLE001, S112  the check itself may need what was removed
            continue
        if found:
            explain = f"{explain}; {found}" if explain else found
    return explain


def _identity(number: int) -> tuple[int, int] | None:
    try:
        status = _fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _audited() -> str:
    try:
        _audit("appliance.looked")
        _audit("open", "/appliance", "r", 0)
    except BaseException as error:  # noqa: BLE001  whatever a hook raises
        return f"an audit hook of the project's refuses what the worker does ({_type(error).__name__}: {error})"
    return ""


def _place(error: BaseException) -> tuple[str, int]:
    """Return the innermost line of the error's traceback."""
    seen = error.__traceback__
    while seen is not None and seen.tb_next is not None:
        seen = seen.tb_next
    return ("", 0) if seen is None else (seen.tb_frame.f_code.co_filename, seen.tb_lineno)


def _describe(error: BaseException) -> str:
    file, line = _place(error)
    return f"{_type(error).__name__}: {error} ({file}:{line})"


def _is_ours(error: BaseException) -> str:
    return OWN_FOLDER if _place(error)[0].startswith(OWN_FOLDER) else ""
