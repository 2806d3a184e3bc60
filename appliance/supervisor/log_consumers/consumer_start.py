"""Start a process of ours that gets a copy of the log. Runs in the supervisor's loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from appliance.errors import ApplianceError
from appliance.supervisor.processes import child_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.protocol.record import Message
    from appliance.supervisor.processes.child_roles import Role
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime


START_S = 0.8  # after the supervisor's own start, which must not become slower
PAUSES_S = (0.5, 5.0, 30.0)  # after the n-th end in a row


class Pipe(Protocol):
    """The supervisor's end of a pipe."""

    def open(self) -> int:
        """Open the pipe; return the reader's end, which the caller closes."""

    def close(self) -> None:
        """Close this end."""


def start_consumer(
    runtime: Runtime, pipe: Pipe, role: Role, module: str, message: Message,
    *, environment: dict[str, str], descriptors: Sequence[int],
) -> Handle:  # fmt: skip
    """Start the process, and send it the message with the reader's end of the pipe and with these descriptors.

    Raises:
        OSError, ApplianceError: it can't be started. Nothing is left of it, and the pipe is closed.
    """
    read, child = -1, None
    try:
        read = pipe.open()
        child = runtime.children.add(child_starts.spawn_own(role, module, environment))
        runtime.children.send(child, message, [read, *descriptors])
    except (OSError, ApplianceError):
        if child is not None:
            runtime.children.kill(child)
        pipe.close()
        raise
    finally:
        if read >= 0:
            os.close(read)
    return child
