"""The snapshot: a process that has imported the project ahead of the next save; workers are forked from it.

Forked from the preloader. It imports the project as a worker does, up to where the application would be served, and
waits there for requests to fork. Its main thread is its only thread.

Theory of operation. The import ends in the call that would serve the application, and a fork continues from there
(``snapshot_fork``): so scripts, factories and Django's settings need no code of their own. If the import is about to do
something outside of its process, the snapshot ends before that happens (``import_effects``).

The import may pause before files that are edited often (``files/import_pauses``). The process in which it pauses is a
checkpoint from then on. One of the checkpoint's forks continues the import and becomes the snapshot. Others become
workers, which read the saved file as it is now. A fork continues within the import's own calls, so the locks of
modules, circular imports and ``except`` clauses are as in an import without a pause. Nothing is frozen there, because
``body_swap`` must find the functions.

The forks in a picture:

    preloader ── snapshot                           no file is edited often: the import has no pause
                  └─ worker, or verifier            swaps functions, then serves; or compares, and ends
    preloader ── checkpoint                         the import pauses
                  ├─ snapshot                       continues the import; its forks are as above
                  └─ worker                         continues the import, and serves

The snapshot ends with ``os._exit``, and so does each fork that serves nothing. Only workers may run the exit hooks of
modules, and the project's handlers of exceptions around the call that serves.

Decision 62 says why.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from ... import PACKAGE
from ...protocol.channel import ChannelError
from ...protocol.snapshot_messages import CheckpointReached, GoOn, SnapshotReady
from ...protocol.start.first_messages import Start
from .. import serving_process
from ..files.import_pauses import ImportPauses
from ..files.unread_assets import unread_assets
from ..frameworks import rereading
from ..instrumentation.hooked_libraries import HookedLibraries
from ..message_bounds import send
from ..preload.first_requests import prepare_first_requests, step_to_try
from ..preload.fork_guard import own_number
from ..preload.fork_requests import serve_forks
from ..preload.forking import succeeds_in_fork
from ..preload.process_number import ProcessNumber
from ..project_import import ProjectImport
from ..stdio import terminal
from ..stdio.held_output import HeldOutput
from .body_swap import Swaps
from .changed_files import ChangedFiles, DeclinedError
from .failure_reason import failure_reason
from .import_effects import ImportEffects
from .import_monitor import NEEDS_LOOP, ImportMonitor, obstacle
from .shared_pages import SharedPages
from .snapshot_fork import Imported, Resumed, ResumedWorker, SnapshotFork, decline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...protocol.channel import Channel
    from ...protocol.record import Message
    from ...protocol.snapshot_messages import ImportAhead
    from ..app import Application
    from ..preload.inheritance import Inheritance


class Snapshot:
    """The snapshot of one project.

    Args:
        channel: this process's.
        request: what to import.
        inheritance: what the preloader has left.
    """

    def __init__(self, channel: Channel, request: ImportAhead, inheritance: Inheritance) -> None:
        self._channel = channel
        self._request = request
        self._randoms = inheritance.randoms
        self._began, self._began_ns = time.monotonic(), time.time_ns()
        self._held = HeldOutput()
        self._project = ProjectImport(request, inheritance, held=self._held)
        is_project_path = self._project.files.places.is_project_path
        self._monitor = ImportMonitor(is_project_path)
        self._number = ProcessNumber(is_project_path)
        self._effects = ImportEffects(is_project_path, self._refuse, kept=[request.code])
        self._serve: Callable[[Imported], None] | None = None
        self._resume: Callable[[Resumed], ResumedWorker] | None = None
        self._pid = own_number()  # in a fork, os.getpid returns another number
        self._is_worker = False
        self._resumed: ResumedWorker | None = None
        self._application: Application | None = None
        self._spent_s = self._cpu_began = 0.0  # CPU time: before the last pause, and of this process when it went on
        self._skip: Callable[..., Any] = sys.breakpointhook
        self._pages = SharedPages()

    def run(self, serve: Callable[[Imported], None], resume: Callable[[Resumed], ResumedWorker]) -> None:
        """Import the project, and fork; call ``serve`` in each fork that serves, and return there when it has.

        ``resume``: makes the worker in a fork that goes on with an import.
        """
        self._serve, self._resume = serve, resume
        if why := obstacle(self._request):
            self._refuse(why)
        serving_process.tls_context(self._request.options)  # now: then no fork has to import the modules of TLS
        terminal.set_up(None, self._project.hooks, os.environ)  # noqa: TID251  PYTHONBREAKPOINT is the project's
        self._skip = sys.breakpointhook
        if (mismatch := self._project.begin()) is not None:
            self._refuse(mismatch.why)
        pauses = None
        if before := self._request.before:
            pauses = ImportPauses(before, self._project.files.absolute, self._may_pause, self._pause)
        self._project.code.follow_import(pauses)
        self._monitor.begin()
        self._effects.begin()
        self._randoms.begin()
        self._number.begin()
        self._cpu_began = time.process_time()
        try:
            self._project.run(self._serve_import)
        except BaseException as error:
            if self._is_worker:
                raise  # the project's own error, after it was served
            if self._resumed is not None:
                self._resumed.import_failed(error)
                return
            self._refuse(f"the import failed ({self._reason_of(error)})")
        if not self._is_worker and self._resumed is None:
            self._refuse("the import has ended, and nothing was served")

    @contextmanager
    def _unhandled(self) -> Iterator[None]:
        """End this process at an error, unless it serves: the project must not handle our error, nor run its hooks."""
        try:
            yield
        except BaseException as error:
            if self._is_worker or self._resumed is not None:
                raise
            if own_number() == self._pid:
                self._refuse(f"the snapshot failed ({self._reason_of(error)})")
            os._exit(1)  # the supervisor starts the worker in another way

    def _serve_import(self, application: Application) -> None:
        """Report the import, fork, and serve in each fork. It is called in the place of the server."""
        if (worker := self._resumed_worker()) is not None:
            worker.serve(application)
            return
        self._application = application
        with self._unhandled():
            self._project.warm(application)
            worker = self._resumed_worker()  # the import may have paused in there
            imported = self._fork(application) if worker is None else None
        if worker is not None:
            worker.serve_warmed(application)
            return
        if self._serve is None or imported is None:
            raise RuntimeError("nothing serves the forks")
        self._is_worker = True
        self._serve(imported)

    def _fork(self, application: Application) -> Imported:
        """Report the import, and fork; return in each fork that serves."""
        self._project.code.end_pauses()
        cpu_s = self._cpu_s()
        prepare_first_requests(application, self._project.files.places.is_project_path)
        self._attempt(step_to_try())
        gc.collect()  # finalizers that run here are part of the import
        self._monitor.end()
        why = self._effects.end()
        self._randoms.end()
        self._number.end()
        why = why or self._randoms.shared_use() or self._number.asked
        if (mismatch := self._project.finish()) is not None:
            self._refuse(mismatch.why)
        if why := why or self._objection(application):
            self._refuse(why)
        codes = self._project.code.end_following()
        send(self._channel, self._project.files.report_once())
        project = self._project
        unread = project.hooks.call(
            "unread templates", unread_assets, project.files, application, self._began_ns, otherwise=frozenset[str](),
        )  # fmt: skip
        changed = ChangedFiles(self._project, codes, Swaps(codes, self._monitor), unread)
        libraries = HookedLibraries(project.hooks, project.files.places.is_project_path, self._request.options)
        libraries.begin()
        self._project.hooks.call("shared pages", self._pages.begin, otherwise=None)
        fork = SnapshotFork(self._project, application, changed, libraries, self._pages, self._skip)
        ready = SnapshotReady(
            import_s=round(time.monotonic() - self._began, 4),
            cpu_s=round(cpu_s, 4),
            modules=len(codes),
            blocked=changed.blocked_modules(),
        )
        gc.collect()
        project.frozen = project.hooks.call("frozen template engines", rereading.references, otherwise=None)
        gc.freeze()
        send(self._channel, ready)
        self._project.code.write()
        return fork.obey(serve_forks(self._channel, self._randoms))

    def _attempt(self, step: Callable[[], object] | None) -> None:
        """Take a step of the first requests, if a fork shows that it fails nowhere, and runs no code of the project."""
        if step is not None and succeeds_in_fork(lambda: self._is_pure(step)):
            step()

    def _is_pure(self, step: Callable[[], object]) -> bool:
        """Whether a step runs no code of the project, and has no effect; asked in a fork, which ends then."""
        self._effects.exit_at_effect()
        self._monitor.renew()
        step()
        return not (self._monitor.started or self._monitor.failed or self._effects.end())

    def _objection(self, application: Application) -> str:
        """Return why no worker may be forked from this process, though the import had no effects; "" if one may."""
        if threading.current_thread() is not threading.main_thread():
            return "the application is served in a thread of its own"
        if type(application).__module__.partition(".")[0] == PACKAGE:
            return NEEDS_LOOP
        return self._output_objection()

    def _output_objection(self) -> str:
        stdio = self._project.stdio
        if stdio is None or any(pipe.redirected() for pipe in stdio.pipes):
            return "the import redirects its output"
        self._held.end()
        return self._held.refusal

    def _cpu_s(self) -> float:
        """Return the CPU time of the import so far, in this process and in those that it was forked from."""
        return self._spent_s + time.process_time() - self._cpu_began

    def _resumed_worker(self) -> ResumedWorker | None:
        """Return the worker that this process has become; None if it is the snapshot. A pause may change it."""
        return self._resumed

    def _may_pause(self, path: str) -> bool:
        """Whether this process may become a checkpoint before this file."""
        read = self._project.files.is_used(path) or path in self._monitor.sources or os.path.realpath(path) != path
        unfit = read or self._monitor.failed or self._effects.has_open_files()
        return self._project.code.has_followed() and not unfit

    def _pause(self, path: str) -> None:
        """Become a checkpoint: fork. Return in each fork, which imports the rest as a snapshot or as a worker."""
        with self._unhandled():
            self._become_checkpoint(path)

    def _become_checkpoint(self, path: str) -> None:
        self._effects.pause()
        if why := self._randoms.shared_use() or self._number.asked or self._output_objection():
            self._refuse(why)
        import_s, self._spent_s = time.monotonic() - self._began, self._cpu_s()
        try:
            send(self._channel, self._project.files.report_so_far(path, self._monitor.sources))
            send(self._channel, CheckpointReached(path=path, cpu_s=round(self._spent_s, 4)))
        except ChannelError:
            os._exit(0)  # the supervisor has closed the channel: this process has no use any more
        self._project.code.write()
        self._number.end()  # not in each fork, which would copy the memory of all modules: 5 ms
        channel = serve_forks(self._channel, self._randoms)
        received = serving_process.hello(channel)
        first, descriptors = received[0]
        self._channel = channel
        if isinstance(first, Start):
            self._become_worker(first, descriptors, received[1:])
            return
        self._pid = own_number()
        if not isinstance(first, GoOn):
            self._refuse(f"it was told to {first.kind}")
        if self._project.stdio is not None:
            self._project.stdio.renew()
        self._number.begin()
        self._randoms.renew()
        self._effects.renew()
        self._began, self._cpu_began = time.monotonic() - import_s, time.process_time()

    def _become_worker(self, start: Start, descriptors: list[int], received: list[tuple[Message, list[int]]]) -> None:
        """Go on as a worker: nothing observes what its import does."""
        files = self._project.files
        if start.target != self._request.target:
            decline(self._channel, start, DeclinedError("another application was found", ""))
        used = next((path for path in map(files.absolute, start.changed) if files.is_used(path)), "")
        if path := used or self._monitor.changed_data():
            decline(self._channel, start, DeclinedError("the checkpoint has read it already", path))
        self._effects.abandon()
        self._monitor.abandon()
        self._randoms.end()
        self._project.rebind(start, descriptors[2])
        hook = None if sys.breakpointhook is self._skip else sys.breakpointhook
        if self._resume is None:
            raise RuntimeError("nothing serves the forks")
        self._resumed = self._resume(
            Resumed(self._channel, start, descriptors, received, self._project, self._application, hook)
        )

    def _reason_of(self, error: BaseException) -> str:
        return failure_reason(error, self._project.files.places.is_project_path)

    def _refuse(self, why: str) -> NoReturn:
        """Report why nothing may be forked from this process, and end."""
        try:
            send(self._channel, SnapshotReady(import_s=round(time.monotonic() - self._began, 4), refused=why))
        except ChannelError:
            pass  # the supervisor has closed the channel: this process has no use any more
        finally:
            os._exit(0)
