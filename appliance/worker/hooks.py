"""What is ours in the project's process, and what becomes of it when it fails: it is left out, and said once.

Owns the one guard around everything of ours that runs because the project does: what is put around its application,
into its framework, into ``logging``, ``sys`` and ``builtins``. Knows none of it. Runs in the worker and in the
preloader, in whichever thread the project does.

Theory of operation. A hook is asked for something, and has a result for when it has none: the project goes on with
that, as it would without us. The first failure of a hook is its last: it is named in one event of level debug, with its
traceback. Two failures are the moment's and not the hook's, whoever is met by them: no stack or memory is left. What
the project itself raises passes through: it is never called within a guard.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any, TypeVar

from ..server.pages.tracebacks import describe, safe_str

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, str, "dict[str, object]"], None]

OF_THE_MOMENT = (RecursionError, MemoryError)

Result = TypeVar("Result")


class Hooks:
    """The guard of one process; ``dropped`` names what has failed."""

    def __init__(self) -> None:
        self.dropped: set[str] = set()
        self._tell: Tell | None = None
        self._untold: list[tuple[str, str, dict[str, object]]] = []

    def listen(self, tell: Tell) -> None:
        """Events go there from now on, with those that there were before."""
        self._tell = tell
        while self._untold:
            tell(*self._untold.pop(0))

    def tell(self, level: str, event: str, fields: dict[str, object]) -> None:
        """An event of a hook's."""
        if self._tell is None:
            self._untold.append((level, event, fields))
        else:
            self._tell(level, event, fields)

    def ask(self, name: str, hook: Callable[..., Result], *given: Any, otherwise: Result) -> Result:
        """What the hook returns; ``otherwise`` where it fails, or has."""
        if name in self.dropped:
            return otherwise
        try:
            return hook(*given)
        except OF_THE_MOMENT:
            return otherwise
        except Exception as error:  # noqa: BLE001  whatever it is, it is not the project's
            self.drop(name, error)
            return otherwise

    def guarded(self, name: str, hook: Callable[..., Result], *, otherwise: Result) -> Callable[..., Result]:
        """The hook, to be called by the project: it never raises."""

        @functools.wraps(hook)
        def guarded(*given: Any, **named: Any) -> Result:
            return self.ask(name, functools.partial(hook, **named) if named else hook, *given, otherwise=otherwise)

        return guarded

    def drop(self, name: str, error: BaseException) -> None:
        """It has failed: it is asked no more."""
        if name in self.dropped:
            return
        self.dropped.add(name)
        reason = safe_str(error, 500)
        fields: dict[str, object] = {"hook": name, "reason": f"{type(error).__name__}: {reason}"}
        with contextlib.suppress(Exception):  # it can't even be told
            self.tell("debug", "hook.dropped", {**fields, "traceback": describe(error).text()})
