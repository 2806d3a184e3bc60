"""Note the queries of a request, by the hooks that Django and SQLAlchemy document for that.

Both call us around each query: Django by a connection's ``execute_wrappers``, SQLAlchemy by the events of its cursor. A
query is noted with its text, its duration and the project's own line that caused it, never with its parameters. Nothing
is noted outside of a request that is recorded. Runs in the threads of the requests.
"""

from __future__ import annotations

import importlib
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from ... import OWN_FOLDER
from ...server.wsgi.recording.exchange import current
from .details import Details

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from ..hooks import Hooks

_DJANGO, _SQLALCHEMY = "django.db", "sqlalchemy.engine"
_HOOK = "queries"
_FRAMES_MAX = 100


class QueryHooks:
    """Notes queries from the moment that a library is there.

    Args:
        hooks: guards our code in the project's process.
        is_own: whether a file is the project's own code.
    """

    def __init__(self, hooks: Hooks, is_own: Callable[[str], bool]) -> None:
        self._hooks = hooks
        self._is_own = is_own
        self._own: dict[str, bool] = {}
        self._waiting: dict[str, Callable[[], None]] = {
            _DJANGO: self._watch_django,
            _SQLALCHEMY: self._watch_sqlalchemy,
        }

    def install(self) -> None:
        """Hook into the libraries that are imported by now; call it again later for the others."""
        for name in [each for each in self._waiting if each in sys.modules]:
            self._hooks.call(_HOOK, self._waiting.pop(name), otherwise=None)

    def _watch_django(self) -> None:
        connected = self._hooks.guarded(_HOOK, self._django_connected, otherwise=None)
        # Django itself imports it with the first connection, which would be too late.
        signals = importlib.import_module("django.db.backends.signals")  # noqa: TID251  the project's own Django
        signals.connection_created.connect(connected, weak=False)

    def _django_connected(self, *, connection: Any, **_: Any) -> None:
        if self._django_query not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._django_query)

    def _django_query(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  Django's signature
        began = monotonic()
        try:
            return execute(sql, params, many, context)
        finally:
            self._hooks.call(_HOOK, self._note, sql, began, otherwise=None)

    def _watch_sqlalchemy(self) -> None:
        event, engine = sys.modules["sqlalchemy"].event, sys.modules[_SQLALCHEMY].Engine
        event.listen(engine, "before_cursor_execute", self._hooks.guarded(_HOOK, self._begin, otherwise=None))
        event.listen(engine, "after_cursor_execute", self._hooks.guarded(_HOOK, self._end, otherwise=None))

    def _begin(self, _connection: Any, _cursor: Any, _statement: Any, _params: Any, context: Any, _many: Any) -> None:
        if context is not None:
            context.appliance_began = monotonic()

    def _end(self, _connection: Any, _cursor: Any, statement: Any, _params: Any, context: Any, _many: Any) -> None:
        began = getattr(context, "appliance_began", None)
        if began is not None:
            self._note(statement, began)

    def _note(self, sql: object, began: float) -> None:
        exchange = current.get()
        details = exchange.details if exchange is not None else None
        if isinstance(details, Details) and exchange is not None:
            details.add_query(str(sql), self._place(), began - exchange.started, monotonic() - began)

    def _place(self) -> tuple[str, int]:
        """Return the innermost line of the project's own code."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  documented, and a tenth of inspect.stack()
        for _ in range(_FRAMES_MAX):
            if frame is None:
                break
            name = frame.f_code.co_filename
            own = self._own.get(name)
            if own is None:
                own = self._own[name] = self._is_own(name) and not name.startswith(OWN_FOLDER)
            if own:
                return name, frame.f_lineno
            frame = frame.f_back
        return "", 0
