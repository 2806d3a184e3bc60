"""Contain the failures of our code in the project's process: a hook that fails is left out, and reported once.

Guards all code of ours that the project's code calls: around the application, in its framework, in ``logging``, ``sys``
and ``builtins``. Runs in the worker and in the preloader, in any thread of the project.

Theory of operation. Each hook has a fallback result, with which the project goes on as it would without us. After its
first failure a hook is not called again: one debug event names the hook, with its traceback. Two kinds of failures are
not the hook's fault: running out of stack or memory can happen anywhere, so the hook stays. Exceptions of the project
itself pass through, because the project is never called within a guard.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from ..server.pages.tracebacks import describe, safe_str

if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[str, str, "dict[str, object]"], None]

TRANSIENT = (RecursionError, MemoryError)

Result = TypeVar("Result")


class Hooks:
    """The guard of one process; ``dropped`` names the hooks that failed."""

    def __init__(self) -> None:
        self.dropped: set[str] = set()
        self._report: Report | None = None
        self._unreported: list[tuple[str, str, dict[str, object]]] = []

    def report_to(self, report: Report) -> None:
        """Send events to ``report`` from now on, first those that came before."""
        self._report = report
        while self._unreported:
            report(*self._unreported.pop(0))

    def report(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Report an event of a hook."""
        if self._report is None:
            self._unreported.append((level, event, fields))
        else:
            self._report(level, event, fields)

    def call(self, name: str, hook: Callable[..., Result], *given: Any, otherwise: Result) -> Result:
        """Call the hook; return ``otherwise`` if it fails now, or failed before."""
        if name in self.dropped:
            return otherwise
        try:
            return hook(*given)
        except TRANSIENT:
            return otherwise
        except Exception as error:  # noqa: BLE001  whatever it is, it is not the project's
            self.drop(name, error)
            return otherwise

    def guarded(self, name: str, hook: Callable[..., Result], *, otherwise: Result) -> Callable[..., Result]:
        """Wrap a hook that the project calls, so that it never raises."""

        @functools.wraps(hook)
        def guarded(*given: Any, **named: Any) -> Result:
            return self.call(name, functools.partial(hook, **named) if named else hook, *given, otherwise=otherwise)

        return guarded

    def drop(self, name: str, error: BaseException) -> None:
        """Leave a hook out from now on, because it failed."""
        if name in self.dropped:
            return
        self.dropped.add(name)
        reason = safe_str(error, 500)
        fields: dict[str, object] = {"hook": name, "reason": f"{type(error).__name__}: {reason}"}
        with contextlib.suppress(Exception):  # the report itself may fail
            self.report("debug", "hook.dropped", {**fields, "traceback": describe(error).text()})
