"""What a process that does not answer is doing: the stacks of its threads, on a signal.

Owns the pipe and the signal. The dump is faulthandler's, made in the signal's handler in C: it also comes where a
thread holds the interpreter's lock for ever. Runs in a worker, set up after any fork.
"""

from __future__ import annotations

import faulthandler
import os
import signal

from ..protocol.channel import Channel, StacksPipe

# A real-time signal, which hardly any program uses; macOS has none.
_SIGNAL = signal.SIGRTMAX - 7 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2


def offer(channel: Channel) -> None:
    """From now on the supervisor can ask."""
    read, write = os.pipe()
    os.set_blocking(write, False)  # a full pipe must not hold the process that it is to explain
    faulthandler.register(_SIGNAL, file=write, all_threads=True)
    channel.send(StacksPipe(signal=_SIGNAL), [read])
    os.close(read)
