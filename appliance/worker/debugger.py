"""Start debugpy in a worker: it listens on loopback, on its own port, which is reported to the supervisor.

The supervisor relays clients from the one port that an editor knows. Loaded only if DEBUGPY is set.

The start of debugpy takes two thirds of a worker's start. From Python 3.12 on, debugpy sees every thread, whenever it
starts. So it starts beside the project, when that is already served. It starts before the import of the project in
three cases: if the worker must wait for a client, on an older Python, and if gevent or eventlet may replace the threads
that debugpy needs.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from ..protocol.messages import DebuggerPort
from .message_bounds import send

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..protocol.channel import Channel
    from ..protocol.start.start_options import DebuggerOptions
    from .records import RecordSink

# pydevd reads these attributes of a thread: such a thread does not stop with the others at a breakpoint.
_NEVER_STOPPED = ("pydev_do_not_trace", "is_pydev_daemon_thread")
_REPLACE_THREADS = ("gevent", "eventlet")
_AFTER_S = 0.3  # so that the first requests have the processor for themselves
# pydevd otherwise asks for -Xfrozen_modules=off, needed for breakpoints in the standard library's importlib.
_QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def starts_first(options: DebuggerOptions) -> bool:
    """Whether debugpy must start before the project is imported."""
    if options["wait"] or not hasattr(sys, "monitoring"):
        return True
    return any(importlib.util.find_spec(name) is not None for name in _REPLACE_THREADS)


def prepare(options: DebuggerOptions, channel: Channel, sink: RecordSink) -> Callable[[], object]:
    """Start debugpy if it must start first; return what starts it beside the project's first requests otherwise."""
    if starts_first(options):
        start(options, channel, sink)
        return int
    return partial(start_beside, options, channel, sink)


def start_beside(options: DebuggerOptions, channel: Channel, sink: RecordSink) -> None:
    """Start debugpy in a thread of its own, a little after the project's first requests."""

    def run() -> None:
        threading.Event().wait(_AFTER_S)  # no Timer: those count as the project's schedulers
        start(options, channel, sink)

    threading.Thread(target=run, name="appliance-debugger", daemon=True).start()


def start(options: DebuggerOptions, channel: Channel, sink: RecordSink) -> None:
    """Start debugpy with these arguments of ``listen``; without debugpy, serve the project without it."""
    try:
        listen(**options, report=lambda port, waits: send(channel, DebuggerPort(port=port, waits=waits)))
    except Exception as error:  # noqa: BLE001  the project is served without the debugger
        fields: dict[str, object] = {
            "reason": f"{type(error).__name__}: {error}",
            "action": "Add debugpy to the project's dependencies, or use the image, which contains it.",
        }
        sink.event("warning", "debugger.failed", fields)
        channel.send(DebuggerPort(port=0))


def folder() -> str:
    """Return debugpy's folder, to leave its modules out of reports."""
    return os.path.dirname(getattr(sys.modules.get("debugpy"), "__file__", None) or "")


def never_stop(thread: object) -> None:
    """Let this thread go on while others stop at a breakpoint; call it before the thread starts."""
    for name in _NEVER_STOPPED:
        setattr(thread, name, True)


def listen(folder: str, bytecode: str, *, wait: bool, report: Callable[[int, bool], None]) -> None:
    """Start debugpy, the project's own or the one in ``folder``.

    Args:
        folder: the appliance's copy; appended last to the path, so the project's own is preferred.
        bytecode: the folder for its compiled code.
        wait: return only when a client is connected.
        report: called with the port, and whether debugpy waits for a client.

    Raises:
        ImportError: there is no debugpy.
        RuntimeError: debugpy can't listen.
    """
    if folder:
        sys.path.append(folder)
    before = {name: os.environ.get(name) for name in _QUIET}  # noqa: TID251  pydevd reads them; removed again below
    writes, prefix = sys.dont_write_bytecode, sys.pycache_prefix
    os.environ.update(_QUIET)  # noqa: TID251  as above
    if bytecode:
        sys.dont_write_bytecode, sys.pycache_prefix = False, bytecode
    try:
        debugpy: Any = importlib.import_module("debugpy")  # noqa: TID251  not ours, and absent if nobody debugs
        # Its adapter is a process of its own; the project's environment must not change how that starts.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251  as above
        if bytecode:
            kept["PYTHONPYCACHEPREFIX"] = bytecode
        debugpy.configure(pythonEnv=kept)
        _, port = debugpy.listen(("127.0.0.1", 0))
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = writes, prefix
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)  # noqa: TID251  as above
            else:
                os.environ[name] = value  # noqa: TID251  as above
    report(port, wait)
    if wait:
        debugpy.wait_for_client()
        report(port, False)  # noqa: FBT003  the annotation above names the argument
