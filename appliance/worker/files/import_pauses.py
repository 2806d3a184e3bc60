"""Pause an import just before one of the project's files is read for the first time.

Runs in a snapshot, while it imports the project; the loader calls it. A plain worker has none.

Theory of operation. The process is forked within the pause, and a copy goes on with the import. So an import pauses
before a file only if the process has not read the file in another way. And a fork must be safe at this place: the main
thread imports, and holds no lock that Python replaces in each copy, such as the locks of ``logging`` while it
configures handlers. If no module of the project was imported before, a pause gains nothing: the preloader is in the
same state.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class ImportPauses:
    """The files before which one import pauses, each at most once.

    Args:
        paths: the files, absolute.
        absolute: returns a path as the supervisor names it.
        is_safe: whether the import may pause here before this file.
        reached: is called in the pause with the path, as it is among ``paths``.
    """

    def __init__(
        self,
        paths: Iterable[str],
        absolute: Callable[[str], str],
        is_safe: Callable[[str], bool],
        reached: Callable[[str], None],
    ) -> None:
        self._waiting = {absolute(path): path for path in paths}
        self._absolute = absolute
        self._is_safe = is_safe
        self._reached = reached

    def before(self, path: str) -> None:
        """Pause if this file, which is about to be read, is one of them."""
        path = self._absolute(path)
        given = self._waiting.pop(path, None)
        if given is None or threading.current_thread() is not threading.main_thread():
            return
        if self._is_safe(path) and not holds_logging_lock():
            self._reached(given)


def holds_logging_lock() -> bool:
    """Whether this thread holds a lock of ``logging``: a copy of the process would have lost it."""
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return False
    try:
        locks = [logging._lock, *(each.lock for each in list(logging._at_fork_reinit_lock_weakset))]  # noqa: SLF001  as it does
        return any(lock is not None and lock._is_owned() for lock in locks)  # noqa: SLF001  as threading does
    except AttributeError:
        return True  # another version of Python: it may
