"""Answer the supervisor's questions: which modules are loaded, which work goes on, do templates need a reload.

Runs in a worker, in the control thread. The main thread sets the application when it is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...protocol import messages, page_messages
from ..message_bounds import send

if TYPE_CHECKING:
    from ...protocol.channel import Channel
    from ..app import Application
    from ..ending.exits import Exits
    from ..project_import import ProjectImport
    from ..records import RecordSink
    from ..stdio.page_context import PageContext


class SupervisorQuestions:
    """The questions that the supervisor may ask, and their answers.

    Attributes:
        application: the one that is served; None before.
        drained: no request runs any more, so streams count as work in the background.
    """

    def __init__(
        self, channel: Channel, project: ProjectImport, sink: RecordSink, exits: Exits, page_context: PageContext,
        *, root: str, debugged: bool,
    ) -> None:  # fmt: skip
        self._channel = channel
        self._project, self._hooks = project, project.hooks
        self._sink = sink
        self._exits = exits
        self._page_context = page_context
        self._root = root
        self._debugged = debugged
        self.application: Application | None = None
        self.drained = False

    def report_modules(self, message: messages.ReportModules) -> None:
        """Report the modules that are loaded."""
        if message.quiet:
            self._project.code.write()
        reporter = self._project.module_reporter
        report = self._hooks.call(
            "module list", reporter.all, self.application, self._debugger_folder(), otherwise=None
        )
        if report is not None:
            send(self._channel, report)

    def report_more_modules(self) -> None:
        """Report at the end what no report has named: nobody has asked, or requests have imported more modules."""
        reporter = self._project.module_reporter
        rest = self._hooks.call("module list", reporter.rest, self._debugger_folder(), otherwise=None)
        if rest is not None:
            send(self._channel, rest)

    def report_background_work(self, message: messages.ReportBackgroundWork) -> None:
        """Report the work in the background; ``message.end``: it is ended now."""
        from ..ending import background_work  # noqa: PLC0415  not needed before

        work = background_work.running(self._root, streams=self.drained)
        level, event = ("warning", "work.cut") if message.end else ("info", "work.running")
        for each in work[: background_work.MAX_REPORTED]:
            self._sink.event(level, event, background_work.fields(each))
        if message.end:
            self._exits.flush_and_end(1)

    def check_templates(self, message: page_messages.CheckTemplates) -> None:
        """Say why these templates need a new worker, or that the open pages can load again."""
        unknown = "the worker can't tell"
        reason = self._hooks.call("templates", self._template_objection, message.paths, otherwise=unknown)
        live_reload = self._page_context.live_reload
        revision = live_reload.revise() if live_reload is not None and not reason else 0
        send(self._channel, page_messages.TemplatesChecked(number=message.number, reason=reason, revision=revision))

    def _template_objection(self, paths: list[str]) -> str:
        from ..frameworks import rereading  # noqa: PLC0415  not needed before

        files = self._project.files
        is_project_path = files.places.is_project_path
        return rereading.objection(
            paths, files.template_readers, self.application, is_project_path, frozen=self._project.frozen
        )

    def _debugger_folder(self) -> str:
        if not self._debugged:
            return ""
        from .. import debugger  # noqa: PLC0415  only needed with a debugger

        return debugger.folder()
