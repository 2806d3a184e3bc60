"""The process that has imported the project's packages, but none of its own modules; workers are forked from it.

Runs in the project's interpreter, started as a worker is; its main thread is its only thread.

Theory of operation. A forked worker returns from ``run`` with its own channel, and continues like a worker that was
started. It undoes what it must not share (see ``forking``), and also the preloader's channel, random states, and cached
listings of folders (``fork_requests``). ``gc.freeze`` before the fork prevents the collector from touching, and so
copying, shared memory: 15 MiB of private memory instead of 24 for a Django project, and a full collection in the child
takes 2 ms instead of 34.

The preloader ends with ``os._exit``: only the workers may run the exit hooks of modules.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING

from ...protocol.channel import Channel
from ...protocol.messages import Preloaded
from ...server.browser import document_response  # noqa: F401  so that no forked worker imports it
from ..files.project_places import ProjectPlaces
from .fork_requests import serve_forks
from .inheritance import Inheritance
from .preload_probe import PreloadProbe

if TYPE_CHECKING:
    from ...protocol.record import Message
    from ...protocol.start.first_messages import Preload

Forked = tuple[Channel, Inheritance]


class Preloader:
    """Preloads one set of modules. ``run`` returns in each forked worker."""

    def __init__(
        self,
        channel: Channel,
        request: Preload,
        descriptors: list[int],
        received: list[tuple[Message, list[int]]],
    ) -> None:
        self._channel = channel
        self._request = request
        self._descriptors = descriptors
        self._received = received  # after the request

    def run(self) -> Forked:
        """Import, report the result, and fork on request."""
        began = time.monotonic()
        path = sys.path[:]
        places = ProjectPlaces(self._request.root, path)
        early = places.loaded_early()
        own = places.project_entries(path)
        sys.path[:] = [entry for entry in path if entry not in own]
        gc.disable()
        probe = PreloadProbe(self._channel, self._request, self._descriptors, places, path)
        reason = early or probe.run()
        self._channel = probe.channel  # another one, if an earlier round was abandoned
        sys.path[:] = path
        inheritance = Inheritance(probe, places)
        gc.collect()
        gc.freeze()
        self._channel.send(
            Preloaded(found=probe.found, refused=reason, import_s=round(time.monotonic() - began, 4)),
        )
        channel = serve_forks(self._channel, probe.randoms, self._received)
        gc.enable()
        return channel, inheritance
