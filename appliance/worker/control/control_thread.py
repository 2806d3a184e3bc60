"""Read the supervisor's messages in a thread of their own, and give each to its handler."""

from __future__ import annotations

import _thread
import threading
from typing import TYPE_CHECKING, Any

from ...protocol.channel import ChannelError
from .. import serving_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...protocol.channel import Channel
    from ...protocol.record import Message
    from ..ending.exits import Exits

    Handlers = Mapping[type[Message], Callable[[Any, list[int]], None]]

# Looked up before any code of the project runs: gevent's would give the control thread an event loop, and import a
# module there. Where the main thread makes its own loop meanwhile, it waits for that module's lock forever.
START_THREAD = _thread.start_new_thread


class ControlThread:
    """The thread that handles what the supervisor sends.

    Args:
        handlers: for each message its handler, which gets the message and its descriptors. Others are ignored.
    """

    def __init__(self, channel: Channel, handlers: Handlers, exits: Exits) -> None:
        self._channel = channel
        self._handlers = handlers
        self._exits = exits

    def begin(self, received: list[tuple[Message, list[int]]], *, debugged: bool) -> None:
        """Handle the messages that came with the start here, and those that come from now on in the thread."""
        for message, descriptors in received:
            self._handle(message, descriptors)
        try:
            self._start(debugged=debugged)
        except (RuntimeError, MemoryError) as error:  # no thread is free: the supervisor gets the reason, not the log
            self._exits.end_after(error)

    def _start(self, *, debugged: bool) -> None:
        if debugged:
            from .. import debugger  # noqa: PLC0415  only needed with a debugger

            control = threading.Thread(target=self._run, name="appliance-control", daemon=True)
            debugger.never_stop(control)
            control.start()
        else:
            # ``threading`` does not know the control thread. So gevent sees a process with one thread, in which it also
            # patches the locks of the import that calls it. Without that patch the import fails.
            START_THREAD(self._run, ())

    def _run(self) -> None:
        try:
            while True:
                for message, descriptors in self._channel.receive():
                    try:
                        self._handle(message, descriptors)
                    except ChannelError as error:
                        self._exits.channel_broken(error)  # the project has closed it; if not, the next read fails
        except ChannelError as error:
            self._exits.channel_broken(error)
            serving_process.end_with_group()
        except BaseException as error:  # noqa: BLE001  without this thread the process could never be ended
            self._exits.end_after(error)

    def _handle(self, message: Message, descriptors: list[int]) -> None:
        if (handle := self._handlers.get(type(message))) is not None:
            handle(message, descriptors)
