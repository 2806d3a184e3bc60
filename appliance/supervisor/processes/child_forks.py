"""Ask a child for a fork of itself. Runs in the supervisor's loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.errors import StartError
from appliance.protocol.messages import Fork
from appliance.supervisor.processes import child_starts

if TYPE_CHECKING:
    from appliance.supervisor.processes.child_roles import Role
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

# For a fork to say hello, or to be ready if it imports nothing. Either takes milliseconds, but the machine may be busy.
FORK_ANSWER_S = 3.0


def request_fork(children: Children, parent: Handle, role: Role) -> Handle | None:
    """Ask for a fork. A hello shows that the fork exists; otherwise its channel ends without a hello.

    Returns:
        The fork, which waits for its first message; None if there are no descriptors, or the parent has ended.
    """
    try:
        child, theirs = child_starts.prepare_forked(role)
    except StartError:
        return None  # a cold start reports why, if it fails too
    try:
        asked = children.send(parent, Fork(), theirs)
    except OSError:  # the message has to wait, and no descriptor is free for that
        asked = False
    for descriptor in theirs:
        os.close(descriptor)
    children.add(child)
    if not asked:
        children.kill(child)
        return None
    return child
