"""The events and actions of ``preload_rounds``: what can happen to a preloader, and what can be done about it.

Data alone; the table decides. ``preload_rounds.Process`` has the names of the processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# -- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True)
class ListLoaded(Event):
    """The project or its environment has changed; ``known``: a list of modules is in the cache."""

    known: bool
    proven: bool


@dataclass(frozen=True)
class ListReported(Event):
    """A worker has reported its modules; ``grown``: some can be preloaded that were not in the list."""

    grown: bool


@dataclass(frozen=True)
class ForkMismatched(Event):
    """A forked worker does not fit the project: leave ``found`` out, or import again what is ``stale``."""

    found: Mapping[str, str]
    stale: bool


@dataclass(frozen=True)
class PreloadRefused(Event):
    """Nothing may be preloaded."""

    reason: str


@dataclass(frozen=True)
class WorkerRequested(Event):
    """A worker is about to be started."""


@dataclass(frozen=True)
class SpareDue(Event):
    """A worker serves: there is time to fork another one ahead."""


@dataclass(frozen=True)
class SpareForked(Event):
    """The SPARE has been forked."""


@dataclass(frozen=True)
class SpareGone(Event):
    """The SPARE has become a worker, or has ended."""


@dataclass(frozen=True)
class RoundDue(Event):
    """The wait before the next round is over."""


@dataclass(frozen=True)
class RoundStarted(Event):
    """A process imports the newest list."""


@dataclass(frozen=True)
class RoundNotStarted(Event):
    """There is no process for a round."""

    how: str


@dataclass(frozen=True)
class RoundFinished(Event):
    """The process of the round has finished; workers can be forked from it if ``found`` and ``refused`` are empty."""

    found: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    import_s: float = 0.0


@dataclass(frozen=True)
class RoundEnded(Event):
    """The process of the round has ended; ``forked`` is False for a copy that was never made.

    Attributes:
        found: the module that ran last, and what it did.
    """

    forked: bool
    how: str
    found: Mapping[str, str]


@dataclass(frozen=True)
class PreloaderEnded(Event):
    """The preloader has ended by itself; ``lasted``: it ran for ``LASTING_S``, so its imports are not the cause."""

    how: str
    lasted: bool


@dataclass(frozen=True)
class StopRequested(Event):
    """The appliance stops."""

    reason: str


# -- actions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """Something to do."""


@dataclass(frozen=True)
class Schedule(Action):
    """Send RoundDue after ``after_s`` seconds; an earlier one that is scheduled stays."""

    after_s: float


@dataclass(frozen=True)
class StartRound(Action):
    """Have a process import the newest list: the COPY, or a new one."""


@dataclass(frozen=True)
class EndRound(Action):
    """End the process of the round."""


@dataclass(frozen=True)
class Promote(Action):
    """The process of the round is the preloader from now on; the older one, its SPARE and the COPY end."""

    import_s: float


@dataclass(frozen=True)
class ForkAhead(Action):
    """Have the preloader fork the SPARE."""


@dataclass(frozen=True)
class Exclude(Action):
    """Leave these modules out of the list, for these reasons."""

    found: Mapping[str, str]


@dataclass(frozen=True)
class Save(Action):
    """Keep the list for the next start of the appliance."""


@dataclass(frozen=True)
class Discard(Action):
    """End every process, and forget what is scheduled."""


@dataclass(frozen=True)
class ReportRefused(Action):
    """Log why nothing is preloaded."""

    reason: str


@dataclass(frozen=True)
class ReportEnded(Action):
    """Log that there is no preloader for now."""

    how: str
