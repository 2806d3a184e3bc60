"""Run one generation of the project: import the application, serve it, drain, end.

Runs in a worker, in the project's interpreter: the application's import and the server's loop in the main thread. A
thread of its own reads the messages from the channel.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ..protocol import messages, page_messages
from ..protocol.channel import ChannelError
from ..server.browser.live_reload import LiveReload
from ..server.browser.own_paths import PREFIX, is_own_request
from ..server.io.gevent_safe_event import GeventSafeEvent
from ..server.pages import error_page
from ..server.pool.request_handoff import RequestHandoff
from . import app, serving_process
from .control.connection_intake import ConnectionIntake
from .control.control_thread import START_THREAD, ControlThread
from .control.supervisor_questions import SupervisorQuestions
from .ending import stacks
from .ending.exits import Exits
from .frameworks.endless_import import endless_loop
from .frameworks.import_place import importing
from .instrumentation.hooked_libraries import HookedLibraries
from .message_bounds import send
from .preload import fork_guard
from .preload.fork_safety import patching_library
from .records import RecordSink
from .stdio import terminal
from .stdio.page_context import PageContext
from .wrapping import wrap

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..protocol.channel import Channel
    from ..protocol.inflight import InFlight
    from ..protocol.record import Message
    from ..protocol.start.first_messages import Start
    from ..server.pool.pool import PooledWSGIServer
    from .ending.interpreter_end import InterpreterEnd
    from .preload import inheritance
    from .project_import import ProjectImport
    from .snapshot.snapshot_fork import Imported, Resumed

_SCHEDULER_STOP_S = 1.0  # for schedulers to start no more jobs


class Worker:
    """The project's application, served until the supervisor ends it."""

    def __init__(
        self,
        channel: Channel,
        listener: socket.socket,
        start: Start,
        in_flight: InFlight,
        project: ProjectImport,
        interpreter_end: InterpreterEnd,
        *,
        details: int = -1,
        spans: int = -1,
    ) -> None:
        self._channel = channel
        self._listener = listener
        self._start = start
        self._project, self._interpreter_end = project, interpreter_end
        self._hooks, self._stdio, self._files = project.hooks, project.stdio, project.files
        self._hooks.call("stacks of threads", stacks.enable, channel, otherwise=None)
        needed = {"the supervisor's channel": channel.fileno(), "the listening socket": listener.fileno()}
        self._exits = Exits(in_flight, self._stdio, needed)
        self._page_context = PageContext(start.options["error_pages"], self._stdio)
        self._sink = RecordSink(
            channel, self._stdio, in_flight, start, details=details, spans=spans, broken=self._exits.channel_broken,
            page_context=self._page_context,
        )  # fmt: skip
        self._hooks.report_to(self._sink.event)
        os.register_at_fork(after_in_child=self._sink.leave)
        self._tls = serving_process.tls_context(start.options)
        self._intake = ConnectionIntake(channel)
        self._number = fork_guard.own_number()
        self._served = False
        self._how = ""  # as in ``Ready``
        self._start_debugger: Callable[[], object] = _nothing  # starts it once the application is served
        self._schedulers_stopped = GeventSafeEvent()
        self._lock = threading.Lock()  # of the application, which two threads may serve
        self._main_thread = threading.main_thread().ident or 0  # gevent gives it another identifier
        self._questions = SupervisorQuestions(
            channel, project, self._sink, self._exits, self._page_context,
            root=start.root, debugged=bool(start.options["debugger"]),
        )  # fmt: skip
        self._control = ControlThread(channel, self._message_handlers(), self._exits)

    def _message_handlers(self) -> dict[type[Message], Callable[[Any, list[int]], None]]:
        return {
            messages.TakeConnections: self._intake.take,
            messages.StartAccepting: lambda _, __: self._intake.may_serve.set(),
            messages.TellLastSave: lambda message, _: self._page_context.update_saved(message.saved),
            messages.Drain: lambda message, _: self._drain(message),
            messages.ReportModules: lambda message, _: self._questions.report_modules(message),
            messages.ReportBackgroundWork: lambda message, _: self._questions.report_background_work(message),
            page_messages.CheckTemplates: lambda message, _: self._questions.check_templates(message),
            messages.ServeUnfinishedImport: lambda _, __: self._serve_unfinished_import(),
        }

    def set_up_terminal(self, descriptor: int | None) -> None:
        """Send breakpoints to this terminal; without one they are skipped."""
        environment = os.environ  # noqa: TID251  PYTHONBREAKPOINT is the project's
        self._hooks.call("terminal", terminal.set_up, descriptor, self._hooks, environment, otherwise=None)

    def run(self, received: list[tuple[Message, list[int]]]) -> None:
        """Import the application, serve it, and return when it has drained."""
        self._begin(received)
        self._guard(self._import)

    def serve_imported(self, imported: Imported) -> None:
        """Serve an application that was imported before this process was forked, and return when it has drained."""
        self._how = "swapped"
        self._begin(imported.received)
        self._prepare_debugger()
        self._questions.application = imported.application
        self._guard(partial(self._serve_imported, imported))

    def resume(self, resumed: Resumed) -> None:
        """Go on with an import that began before this process was forked; ``serve`` or ``import_failed`` follows."""
        self._how = "checkpoint"
        self._begin(resumed.received)
        self._guard(partial(self._resume, resumed.application))

    def _resume(self, application: app.Application | None) -> None:
        self._exit_if_unfit(self._project.resume())
        self._prepare_debugger()
        if application is not None:
            self._claim(application)

    def import_failed(self, error: BaseException) -> None:
        """Report that the import raised; an error that ended the serving is raised again."""
        self._guard(partial(self._fail, error))

    def _begin(self, received: list[tuple[Message, list[int]]]) -> None:
        """Handle the messages that came with the start, and those that come from now on."""
        self._control.begin(received, debugged=bool(self._start.options["debugger"]))

    def _guard(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except ChannelError as error:
            self._exits.channel_broken(error)
            serving_process.wait_for_end()
        except Exception as error:
            if self._served:
                raise  # the project's own error, after it was served
            self._exits.end_after(error)  # not even the failure of the import could be reported

    def _import(self) -> None:
        self._exit_if_unfit(self._project.begin())
        self._prepare_debugger()
        try:
            self._project.run(self.serve)
        except BaseException as error:  # noqa: BLE001  whatever the project raises
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._served:
            raise error  # it ended the serving
        fork_guard.end_copy(self._number, error)
        self._exit_if_unfit(self._project.after_failure(error))
        self._report_failure(error)
        self._exits.flush_and_end(1)

    def _prepare_debugger(self) -> None:
        if debugged := self._start.options["debugger"]:
            from . import debugger  # noqa: PLC0415  only needed with a debugger

            self._start_debugger = debugger.prepare(debugged, self._channel, self._sink)

    def _serve_endless_import(self) -> None:
        """Serve beside an import that never ends. The import goes on in the main thread.

        This imports nothing: gevent gives the locks of all imports that run while it patches to the main thread.
        """
        send(self._channel, importing(self._main_thread, self._start.root, self._files.places.is_project_path))
        if self._questions.application is not None or patching_library():
            return  # already served; or threads are greenlets, of another loop
        side = self._project.side_applications
        place = None if side.are_started else endless_loop(self._main_thread, self._files.places.is_project_path)
        application = app.bound_application(self._start.target, side) if place or side.are_started else None
        if application is None:
            return
        if place is not None:
            self._sink.event("warning", "import.endless", place.fields())
        threading.Thread(target=self.serve, args=(application,), name="appliance-serve").start()

    def serve(self, application: app.Application) -> None:
        """Serve the imported application; return when it has drained."""
        fork_guard.end_copy(self._number)
        if self._claim(application):
            self._project.warm(application)
            self.serve_warmed(application)

    def _claim(self, application: app.Application) -> bool:
        """Make this the application that is served; return False if one is served already, beside the import."""
        with self._lock:
            if self._questions.application is not None:
                return False
            self._questions.application = application
        libraries = HookedLibraries(self._hooks, self._files.places.is_project_path, self._start.options)
        libraries.begin()
        libraries.follow(self._sink)
        return True

    def serve_warmed(self, application: app.Application) -> None:
        """Serve the application after its framework was prepared."""
        self._exit_if_unfit(self._project.finish())
        if self._how:
            gc.freeze()  # it stays shared with the checkpoint
            self._project.frozen = None  # a search before it would delay the save
        self._serve_finished(application, self._project.began)

    def _serve_imported(self, imported: Imported) -> None:
        imported.libraries.follow(
            self._sink, partial(self._hooks.call, "shared pages", imported.pages.note, otherwise=None)
        )
        self._serve_finished(imported.application, imported.began, imported.swapped)

    def _serve_finished(self, application: app.Application, began: float, swapped: list[str] | None = None) -> None:
        """Serve an application whose import is over. ``swapped``: the files whose functions were swapped."""
        if self._start.target["kind"] == "django":
            from .frameworks import django_project  # noqa: PLC0415  only for Django

            django_project.check_later(self._hooks, self._start.target["search_path"][-1])
        if self._stdio is not None:
            self._stdio.reopen()
        server = self._make_server(application)
        self._intake.open(server)
        if (refused := self._project.code.refused) is not None:
            self._sink.event("warning", "cache.refused", {"path": refused.filename, "reason": refused.strerror})
        send(
            self._channel,
            messages.Ready(
                import_s=round(time.monotonic() - began, 4),
                began=began,
                application=serving_process.qualified_name(application),
                how=self._how,
                swapped=swapped or [],
            ),
        )
        self._served = True
        send(self._channel, self._files.report())
        self._intake.may_serve.wait()
        self._start_debugger()
        try:
            server.serve_forever()
        except Exception as fault:  # noqa: BLE001  an error of ours: no application runs in this thread
            self._exits.end_after(fault)
        app.shut_down(application, max(0.1, self._intake.grace_s))
        self._schedulers_stopped.wait(_SCHEDULER_STOP_S)  # jobs that still start would fail at the interpreter's end
        self._sink.finish()
        self._questions.drained = True
        self._channel.send(messages.Drained())
        self._project.code.write()
        self._questions.report_more_modules()
        serving_process.wait_for_streams(server, self._intake.streams_s)
        if threading.current_thread() is not threading.main_thread():  # the main thread is in an endless import
            self._exits.flush_and_end(0)

    def _make_server(self, application: app.Application) -> PooledWSGIServer:
        options = self._start.options
        to_stand_in = partial(serving_process.hand_over, self._channel, own_pages=True)
        has_pages = options["pages"] is not None
        handoff = RequestHandoff(is_own_request, to_stand_in, PREFIX) if has_pages else None
        served = wrap(application, self._start, self._hooks)
        self._page_context.follow(served if isinstance(served, LiveReload) else None)
        return serving_process.make_server(self._listener, served, self._sink, options, tls=self._tls, handoff=handoff)

    def _report_failure(self, error: BaseException) -> None:
        """Report that the import raised; if even that fails, write the reason into the shared memory."""
        try:
            send(self._channel, self._files.report())
            report = error_page.report(error, root=self._start.root, kind="import", context=self._page_context())
            if causes := self._exits.causes(error):
                report["action"] = f"Check what the project changes in the interpreter: {causes}."
            send(self._channel, messages.Failed(report=report))
        except ChannelError:
            raise
        except BaseException:  # noqa: BLE001  the project has removed what the report needs
            self._exits.end_after(error)

    def _exit_if_unfit(self, mismatch: inheritance.PreloadMismatch | None) -> None:
        """Exit and let the supervisor start a cold worker, if the preloaded modules do not fit."""
        if mismatch is not None:
            self._exits.flush()
            send(
                self._channel,
                messages.ForkMismatch(why=mismatch.why, modules=list(mismatch.modules), stale=mismatch.stale),
            )
            self._exits.flush_and_end(0)

    def _drain(self, message: messages.Drain) -> None:
        self._interpreter_end.delay(message.pause_s)
        self._intake.drain(message, self._exits.end_superseded)
        START_THREAD(self._stop_schedulers, ())

    def _stop_schedulers(self) -> None:
        from .frameworks import schedulers  # noqa: PLC0415  not needed before

        if names := [] if patching_library() else schedulers.stop():  # those of greenlets belong to another thread
            self._sink.event("debug", "scheduler.stopped", {"names": names})
        self._schedulers_stopped.set()

    def _serve_unfinished_import(self) -> None:
        if self._intake.server is None:
            serve = self._hooks.guarded("endless imports", self._serve_endless_import, otherwise=None)
            # Unknown to ``threading``, as the control thread is. There may be no thread left.
            self._hooks.call("endless imports", START_THREAD, serve, (), otherwise=0)


def _nothing() -> None:
    """Start no debugger: there is none."""
