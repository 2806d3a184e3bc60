"""All hooks into the project's libraries that note what a request does. Made once in a worker that records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .effects.http_client_calls import HttpClientCalls
from .effects.httpcore_calls import HttpcoreCalls
from .library_hooks import LibraryHooks
from .own_line import OwnLine
from .queries import QueryHooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hooks import Hooks


class RecordedLibraries:
    """The hooks of one worker.

    Args:
        hooks: guards our code in the project's process.
        is_own: whether a file is the project's own code.
    """

    def __init__(self, hooks: Hooks, is_own: Callable[[str], bool]) -> None:
        own_line = OwnLine(is_own)
        self._queries = QueryHooks(hooks, is_own)
        self._libraries = LibraryHooks(hooks)
        for each in (HttpClientCalls(hooks, own_line), HttpcoreCalls(hooks, own_line)):
            each.add_to(self._libraries)

    def begin(self) -> None:
        """Hook into what the project has imported, and into the rest once it is imported."""
        self._queries.install()
        self._libraries.begin()

    def install(self) -> None:
        """Hook into what was imported since, by ways that are not followed."""
        self._queries.install()
        self._libraries.install()
