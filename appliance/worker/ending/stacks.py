"""Show the work of a process that does not respond: the stacks of its threads, on a signal.

faulthandler makes the dump in C, within the signal's handler, so it works even if a thread never releases the
interpreter's lock. Runs in a worker, and is set up after any fork.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import TYPE_CHECKING

from ...protocol.messages import StacksPipe

if TYPE_CHECKING:
    from ...protocol.channel import Channel

# A real-time signal, which hardly any program uses; macOS has none.
_SIGNAL = signal.SIGRTMAX - 7 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2


def enable(channel: Channel) -> None:
    """Let the supervisor request the stacks from now on."""
    read, write = os.pipe()
    os.set_blocking(write, False)  # a full pipe must not block the process whose stacks are asked for
    faulthandler.register(_SIGNAL, file=write, all_threads=True)
    channel.send(StacksPipe(signal=_SIGNAL), [read])
    os.close(read)
