"""The events and actions of ``preload_states``: what can happen to a preloader, and what can be done about it.

Data alone; the table decides. ``preload_states.PreloadRole`` has the names of the processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Mapping

# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class ListLoaded(Event):
    """The project or its environment has changed; ``known``: a list of modules is in the cache."""

    known: bool
    proven: bool


class ListReported(Event):
    """A worker has reported its modules; ``grown``: some can be preloaded that were not in the list."""

    grown: bool


class ForkMismatched(Event):
    """A forked worker does not fit the project: leave ``found`` out; if ``stale``, import the modules again."""

    found: Mapping[str, str]
    stale: bool


class PreloadRefused(Event):
    """Nothing may be preloaded."""

    reason: str


class WorkerRequested(Event):
    """A worker is about to be started."""


class SpareDue(Event):
    """A worker serves: there is time to fork another one ahead."""


class SpareForked(Event):
    """The SPARE has been forked."""


class SpareGone(Event):
    """The SPARE has become a worker, or has ended."""


class RoundDue(Event):
    """The wait before the next round is over."""


class RoundStarted(Event):
    """A process imports the newest list."""


class RoundNotStarted(Event):
    """There is no process for a round."""

    how: str


class RoundFinished(Event):
    """The process of the round has finished; workers can be forked from it if ``found`` and ``refused`` are empty."""

    found: Mapping[str, str] = made_default(default_factory=dict)
    refused: str = ""
    import_s: float = 0.0


class RoundEnded(Event):
    """The process of the round has ended; ``forked`` is False for a copy that was never made.

    Attributes:
        found: the module that ran last, and what this module did.
    """

    forked: bool
    how: str
    found: Mapping[str, str]


class PreloaderEnded(Event):
    """The preloader has ended by itself; ``lasted``: after ``LASTED_S`` or more, so its imports are not the cause."""

    how: str
    lasted: bool


class StopRequested(Event):
    """The appliance stops."""

    reason: str


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Schedule(Action):
    """Send RoundDue after ``after_s`` seconds; an earlier one that is scheduled stays."""

    after_s: float


class StartRound(Action):
    """Have a process import the newest list: the COPY, or a new one."""


class EndRound(Action):
    """End the process of the round."""


class Promote(Action):
    """Make the process of the round the preloader; end the older preloader, its SPARE and the COPY."""

    import_s: float


class ForkAhead(Action):
    """Have the preloader fork the SPARE."""


class Exclude(Action):
    """Leave these modules out of the list, for these reasons."""

    found: Mapping[str, str]


class Save(Action):
    """Keep the list for the next start of the appliance."""


class Discard(Action):
    """End every process, and forget what is scheduled."""


class ReportRefused(Action):
    """Log why nothing is preloaded."""

    reason: str


class ReportEnded(Action):
    """Log that there is no preloader for now."""

    how: str
