"""Greet the supervisor, and take the role that it names: a preloader, a snapshot of the project, or a worker.

Runs in the main thread of each worker, snapshot and preloader. A forked process gets its role here too.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

from ..protocol.channel import Channel
from ..protocol.inflight import InFlight
from ..protocol.snapshot_messages import ImportAhead
from ..protocol.start.first_messages import Preload, Start
from . import serving_process
from .ending.interpreter_end import InterpreterEnd
from .project_import import ProjectImport
from .worker import Worker

if TYPE_CHECKING:
    from .snapshot.snapshot_fork import Imported, Resumed


def main(descriptor: int) -> None:
    """Greet the supervisor on the channel, receive a role, and run it."""
    channel = Channel.of(descriptor)
    interpreter_end = InterpreterEnd()
    interpreter_end.begin()
    faulthandler.enable()  # after a crash in C, print the stacks to descriptor 2
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # show printed lines at once, although descriptor 1 is a pipe
    received = serving_process.hello(channel)
    inheritance = None
    start, descriptors = received[0]
    if isinstance(start, Preload):
        from .preload.preloader import Preloader  # noqa: PLC0415  a cold-started worker does not need it

        channel, inheritance = Preloader(
            channel, start, descriptors, received[1:]
        ).run()  # from here on this is a forked worker
        received = serving_process.hello(channel)
        start, descriptors = received[0]
    if isinstance(start, ImportAhead) and inheritance is not None:
        from .snapshot.snapshot import Snapshot  # noqa: PLC0415  as above

        snapshot = Snapshot(channel, start, inheritance)
        snapshot.run(partial(_serve_imported, interpreter_end), partial(_resume, interpreter_end))
        return
    if not isinstance(start, Start):
        raise TypeError(f"expected a start, got {start.kind}")
    project = ProjectImport(start, inheritance, notes=descriptors[2])
    worker = _worker(channel, start, descriptors, project, interpreter_end)
    worker.run(received[1:])


def _serve_imported(interpreter_end: InterpreterEnd, imported: Imported) -> None:
    """Serve, in a fork of the snapshot, the application that the snapshot has imported."""
    _forked(imported, interpreter_end).serve_imported(imported)


def _resume(interpreter_end: InterpreterEnd, resumed: Resumed) -> Worker:
    """Return a worker whose import goes on, in a fork of a checkpoint."""
    worker = _forked(resumed, interpreter_end)
    worker.resume(resumed)
    return worker


def _forked(origin: Imported | Resumed, interpreter_end: InterpreterEnd) -> Worker:
    worker = _worker(origin.channel, origin.start, origin.descriptors, origin.project, interpreter_end)
    if origin.breakpoint_hook is not None:
        sys.breakpointhook = origin.breakpoint_hook  # the project has set it after ours
    return worker


def _worker(
    channel: Channel,
    start: Start,
    descriptors: list[int],
    project: ProjectImport,
    interpreter_end: InterpreterEnd,
) -> Worker:
    """Return a worker with the descriptors of its start."""
    listener = socket.socket(fileno=descriptors[0])
    in_flight = InFlight(descriptors[1])
    os.close(descriptors[1])
    further = iter(descriptors[3:])
    details = next(further) if start.options["records"] else -1
    spans = next(further) if start.options["tracing"] else -1
    worker = Worker(channel, listener, start, in_flight, project, interpreter_end, details=details, spans=spans)
    worker.set_up_terminal(next(further, None))
    return worker
