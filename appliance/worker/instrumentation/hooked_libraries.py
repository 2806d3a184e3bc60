"""All hooks into the project's libraries that note what a request does. Made once in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .effects.cache_use import CacheUse
from .effects.django_mail import DjangoMail
from .effects.http_client_calls import HttpClientCalls
from .effects.httpcore_calls import HttpcoreCalls
from .effects.mail_hooks import MailHooks
from .effects.rendered_templates import RenderedTemplates
from .library_hooks import LibraryHooks
from .project_line import ProjectLine
from .query_hooks.drivers import add_drivers
from .query_hooks.framework_queries import FrameworkQueries
from .query_hooks.query_notes import QueryNotes
from .server_timing import ServerTiming

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.start.start_options import StartOptions
    from ..hooks import Hooks
    from ..records import RecordSink


class HookedLibraries:
    """The hooks of one worker.

    Args:
        hooks: guards our code in the project's process.
        is_project_path: whether a file is the project's own code.
        options: of the worker's start: ``records`` and ``tracing`` need the notes of requests; ``mail`` needs neither.
    """

    def __init__(self, hooks: Hooks, is_project_path: Callable[[str], bool], options: StartOptions) -> None:
        records, keeps_mail = options["records"], options["mail"] == "keep"
        project_line = ProjectLine(is_project_path)
        self._hooks = hooks
        self._libraries = LibraryHooks(hooks)
        if records or options["tracing"]:
            notes = QueryNotes(project_line)
            FrameworkQueries(hooks, notes).add_to(self._libraries)
            add_drivers(self._libraries, hooks, notes)
            HttpClientCalls(hooks, project_line).add_to(self._libraries)
            HttpcoreCalls(hooks, project_line).add_to(self._libraries)
        if records:
            RenderedTemplates(hooks).add_to(self._libraries)
            CacheUse(hooks).add_to(self._libraries)
        if records or keeps_mail:
            mail = MailHooks(hooks, project_line, keeps=keeps_mail)
            mail.add_to(self._libraries)
            DjangoMail(hooks, mail).add_to(self._libraries)

    def begin(self) -> None:
        """Hook into the libraries that the project has imported, and into the others once they are imported."""
        if self._libraries.waits:
            self._libraries.begin()

    def follow(self, sink: RecordSink, after_first: Callable[[], object] | None = None) -> None:
        """Hook into libraries that requests import, by ways that are not followed; add the times to responses.

        ``after_first``: is called once, after the first request that is recorded with its details.
        """
        install = self._libraries.install

        def first() -> None:
            sink.after_details(install)
            install()
            if after_first is not None:
                after_first()

        sink.after_details(first)
        sink.add_fields(ServerTiming(self._hooks).added)
