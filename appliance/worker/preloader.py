"""The process that has imported the project's packages, and nothing of the project's; workers are forked from it.

Owns the fork: the only one of ours. Knows nothing of what a worker does. Runs in the project's interpreter, started as
a worker is; its main thread is its only one.

Theory of operation. It forks twice and waits for the process in between, so that each worker becomes the child of the
supervisor (a child subreaper), which alone waits for it. A forked worker returns from ``run`` with its own channel and
goes the way of one that was started. What the fork must not share is undone in it, in this order: signals stay blocked
until the end; a session of its own; descriptors 1 and 2; the preloader's channel; random states; cached listings of
folders. ``gc.freeze`` before the fork keeps the collector from touching, and so copying, what is shared: 15 MiB of
private memory instead of 24 for a Django project, and a full collection in the child takes 2 ms instead of 34.

It ends with ``os._exit``: what modules do at exit is the workers' to do.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from ..channel import Channel, ChannelError, Fork, Preload, Preloaded
from .inheritance import Inheritance
from .sources import is_project_path
from .trial import Trial

if TYPE_CHECKING:
    from .randoms import Randoms

Forked = tuple[Channel, Inheritance]


class Preloader:
    """One set of modules. ``run`` returns in each worker that is forked."""

    def __init__(self, channel: Channel, request: Preload, note: int) -> None:
        self._channel = channel
        self._request = request
        self._note = note
        self._randoms: Randoms | None = None

    def run(self) -> Forked:
        """Import, say what came of it, fork when asked to."""
        began = time.monotonic()
        path = sys.path[:]
        sys.path[:] = [entry for entry in path if not is_project_path(os.path.abspath(entry), self._request.root)]  # noqa: PTH100  pathlib costs 5 ms at import
        gc.disable()
        trial = Trial(self._request, self._note)
        reason = trial.run()
        sys.path[:] = path
        inheritance = Inheritance(trial, self._request.root)
        self._randoms = trial.randoms
        os.close(self._note)
        gc.collect()
        gc.freeze()
        self._channel.send(
            Preloaded(found=trial.found, refused=reason, import_s=round(time.monotonic() - began, 4)),
        )
        return self._serve(), inheritance

    def _serve(self) -> Channel:
        try:
            while True:
                for message, descriptors in self._channel.receive():
                    if isinstance(message, Fork) and (channel := self._fork(descriptors)) is not None:
                        return channel
        except ChannelError:
            _flush()
            os._exit(0)  # the supervisor has gone, or wants no more

    def _fork(self, descriptors: list[int]) -> Channel | None:
        """Fork a worker with these descriptors: its channel, 1 and 2; its channel in it, None here."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        _flush()
        try:
            between = os.fork()  # noqa: TID251  the only place that forks
        except OSError:
            between = -1  # its channel is closed below: the supervisor starts one cold
        if between == 0:
            self._fork_again()
            return self._begin(descriptors, blocked)
        for number in descriptors:
            os.close(number)
        if between > 0:
            os.waitpid(between, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return None

    @staticmethod
    def _fork_again() -> None:
        try:
            child = os.fork()  # noqa: TID251  as above
        except OSError:
            os._exit(1)
        if child:
            os._exit(0)

    def _begin(self, descriptors: list[int], blocked: set[Any]) -> Channel:
        """Undo in this process what the fork should not have shared."""
        own, *outputs = descriptors
        os.setsid()
        for number, place in zip(outputs, (1, 2)):  # noqa: B905  two each; strict= is 3.10's, but says no more
            os.dup2(number, place)
            os.close(number)
        self._channel.close()
        if self._randoms is not None:
            self._randoms.seed()
        importlib.invalidate_caches()
        gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return Channel(socket.socket(fileno=own))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
