"""Do in a fork of the snapshot what its first message asks for: serve swapped functions, or compare and end.

The fork reads the files that have changed since the import, and swaps the functions that they define (``body_swap``);
then it serves as if it had imported them. If the state could differ from that of a fresh import, the fork sends
``SwapDeclined`` instead, and ends.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, cast

from ...protocol.snapshot_messages import Fingerprints, GetReady, SwapDeclined, Verify
from .. import serving_process
from ..message_bounds import send
from .changed_files import DeclinedError
from .failure_reason import failure_reason
from .fingerprints.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...protocol.channel import Channel
    from ...protocol.record import Message
    from ...protocol.start.first_messages import Start
    from ..app import Application
    from ..instrumentation.hooked_libraries import HookedLibraries
    from ..project_import import ProjectImport
    from .changed_files import ChangedFiles
    from .shared_pages import SharedPages


class Imported(NamedTuple):
    """The parts with which a fork of the snapshot serves.

    Attributes:
        channel, start, descriptors, received: the fork's own, its first message, and what came with that.
        project: what has imported the application.
        swapped: the files whose functions were swapped.
        began: CLOCK_MONOTONIC when the start came.
        breakpoint_hook: the project's own; None without.
        libraries: those that the snapshot has hooked into.
        pages: the memory that forks of the snapshot write to.
        changed: kept only because freeing it takes a millisecond.
    """

    channel: Channel
    start: Start
    descriptors: list[int]
    received: list[tuple[Message, list[int]]]
    project: ProjectImport
    application: Application
    swapped: list[str]
    began: float
    breakpoint_hook: Callable[..., Any] | None
    libraries: HookedLibraries
    pages: SharedPages
    changed: ChangedFiles


class Resumed(NamedTuple):
    """The parts with which a fork of a checkpoint goes on, as a worker.

    Attributes:
        channel, start, descriptors, received, project, breakpoint_hook: as in ``Imported``.
        application: what is imported already, if its framework is being prepared.
    """

    channel: Channel
    start: Start
    descriptors: list[int]
    received: list[tuple[Message, list[int]]]
    project: ProjectImport
    application: Application | None
    breakpoint_hook: Callable[..., Any] | None


class ResumedWorker(Protocol):
    """The worker that a fork of a checkpoint has become."""

    def serve(self, application: Application) -> None:
        """Serve the imported application; return when it has drained."""

    def serve_warmed(self, application: Application) -> None:
        """Serve the application after its framework was prepared."""

    def import_failed(self, error: BaseException) -> None:
        """Report that the import raised this, or raise it again if that came after the serving."""


class SnapshotFork:
    """A fork of the snapshot, as the snapshot prepares it: ``obey`` runs in each fork.

    Args:
        project: has imported the application.
        changed: swaps the files that have changed.
        libraries: those that the snapshot has hooked into.
        pages: the memory that forks of the snapshot write to.
        skip: the hook of ``breakpoint()`` that was there before the project could replace it.
    """

    def __init__(
        self,
        project: ProjectImport,
        application: Application,
        changed: ChangedFiles,
        libraries: HookedLibraries,
        pages: SharedPages,
        skip: Callable[..., Any],
    ) -> None:
        self._project, self._application, self._changed = project, application, changed
        self._libraries, self._pages, self._skip = libraries, pages, skip

    def obey(self, channel: Channel) -> Imported:
        """Do in a fork what its first message asks for; return only if that is to serve."""
        received = serving_process.hello(channel)
        while isinstance(message := received[0][0], GetReady):
            self._changed.get_ready(message.changed)
            self._project.hooks.call("shared pages", self._pages.take_over, otherwise=0)
            received = serving_process.following_messages(channel, received)
        began = time.monotonic()
        first, descriptors = received[0]
        try:
            if isinstance(first, Verify):
                self._changed.swap(first.changed)
                send(channel, Fingerprints(fingerprint=fingerprint(self._changed.modules, self._application)))
                os._exit(0)
            start = cast("Start", first)
            swapped = self._changed.swap(start.changed)  # another message has no such field
        except DeclinedError as declined:
            decline(channel, first, declined)
        except Exception as error:  # noqa: BLE001  an error of ours, or memory is short
            reason = failure_reason(error, self._project.files.places.is_project_path)
            decline(channel, first, DeclinedError(f"the swap failed ({reason})", ""))
        self._project.rebind(start, descriptors[2])
        hook = None if sys.breakpointhook is self._skip else sys.breakpointhook
        return Imported(
            channel, start, descriptors, received[1:], self._project, self._application, swapped, began, hook,
            self._libraries, self._pages, self._changed,
        )  # fmt: skip


def decline(channel: Channel, first: Message, declined: DeclinedError) -> NoReturn:
    """Report why a swap could give another state than an import, and end."""
    try:
        if isinstance(first, Verify):
            send(channel, Fingerprints(refused=declined.reason))
        else:
            send(channel, SwapDeclined(reason=declined.reason, path=declined.path))
    finally:
        os._exit(0)
