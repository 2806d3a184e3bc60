"""The first message to each child: the role that it takes, and what it needs for that.

Fields are JSON values, as in ``messages``. The first message to a fork of the preloader that imports the project ahead,
and those to its forks, are in ``snapshot_messages``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..record import Message, made_default

if TYPE_CHECKING:
    from .start_options import StartOptions
    from .start_target import StartTarget


class Start(Message):
    """Start as a worker or stand-in: the first message to the child. Carries the listening socket.

    For a worker it also carries the memory file of its requests (``protocol/inflight``), a pipe for notes on files
    (``worker/files/input_files``), the recorder's socket if ``options`` has ``records``, the exporter's if it has
    ``tracing``, and a terminal if there is one.
    """

    kind = "start"
    role: str  # "worker", "standin"
    generation: int
    root: str  # the project's folder, which is the worker's working folder
    target: StartTarget  # the application; empty for a stand-in
    options: StartOptions  # the server's options: threads, limits, hosts ...
    mark: str = ""  # the mark of its output frames (``output_frames``), in hexadecimal
    code: str = ""  # the folder for the project's compiled code; empty: none
    # For a fork of a snapshot or a checkpoint: the paths of the files that were saved since its import began.
    changed: list[str] = made_default(default_factory=list)


class ServeProbes(Message):
    """Answer probes: the first message to a probe server. Carries the listening socket, and the memory of its state."""

    kind = "serve_probes"


class RecordLines(Message):
    """Record the lines of the log: the first message to a recorder.

    Carries the end of a pipe that announces new lines, their memory (``desk.line_ring``), and the end of a socket, if
    there is one, through which workers send the details of requests (``request_details``).
    """

    kind = "record_lines"
    path: str  # the database
    run: str  # names this run of the appliance, which counts its generations from 1
    redact: list[str]  # APPLIANCE_REDACT
    secrets: list[str]  # texts to mask
    host: str  # where the appliance listens: recorded requests are sent there again
    port: int
    secure: bool


class ExportLines(Message):
    """Export the lines of this pipe, and what workers send through this socket: the first message to an exporter."""

    kind = "export_lines"
    signals: list[str]  # "traces", "logs", "metrics"
    attributes: dict[str, str]  # of the resource, where OpenTelemetry's own variables name none
    sampler: dict[str, Any]  # for requests that no worker has begun
    scheme: str  # of the URLs of requests
    redact: list[str]  # APPLIANCE_REDACT
    secrets: list[str]  # texts to mask


class Preload(Message):
    """Start as a preloader: the first message to the child. Carries a file for the name of the running module.

    If ``proven`` is false, it also carries the channel and the descriptors 1 and 2 of a second preloader, which will
    receive the next request.

    Attributes:
        root: the project's folder; a preloader must not import what is below it.
        search_path: the folders that a worker puts first on its path.
        modules: the modules to import, in this order.
        left: the modules not to import.
        others: further names that a worker had loaded: aliases, the project's own.
        proven: all of this was imported before, and nothing unsafe was found.
    """

    kind = "preload"
    root: str
    search_path: list[str]
    modules: list[str]
    left: list[str]
    others: list[str]
    proven: bool


FIRST_MESSAGES: Final = (Start, ServeProbes, RecordLines, ExportLines, Preload)
