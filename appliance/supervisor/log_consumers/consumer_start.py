"""Start a process of ours that reads the log from a pipe. Runs in the supervisor's loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.supervisor.processes import handles

if TYPE_CHECKING:
    import socket

    from appliance.protocol.record import Message
    from appliance.supervisor.log_consumers.line_pipe import LinePipe
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime


def start_consumer(
    runtime: Runtime, pipe: LinePipe, role: str, module: str, message: Message,
    *, environment: dict[str, str], messages: socket.socket | None,
) -> Handle:  # fmt: skip
    """Start the process, and send it the message with the reader's ends of the pipe and of the workers' ``messages``.

    Raises:
        OSError, ApplianceError: it can't be started. Nothing is left of it, and the pipe is closed.
    """
    read, child = -1, None
    try:
        read = pipe.open()
        child = runtime.children.add(handles.spawn_own(role, module, environment))
        runtime.children.send(child, message, [read] if messages is None else [read, messages.fileno()])
    except (OSError, ApplianceError):
        if child is not None:
            runtime.children.kill(child)
        pipe.close()
        raise
    finally:
        if read >= 0:
            os.close(read)
    return child
