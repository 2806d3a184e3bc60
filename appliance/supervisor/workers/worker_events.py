"""The sources, events and actions of ``retry_states``: what can happen to a worker, and how the supervisor reacts.

Data alone; the table decides. It asks ``RULES`` about a source, and has no row for one source alone.
"""

from __future__ import annotations

import enum
from typing import Any

from appliance.protocol.record import Record


class Source(enum.Enum):
    """The sources of a worker, the fastest first."""

    SNAPSHOT = "snapshot"  # it swaps what was saved
    CHECKPOINT = "checkpoint"  # it goes on with a part of the project's import
    PRELOADER = "preloader"  # it imports the project
    NOTHING = "nothing"  # it is started cold


class Rules(Record):
    """The table's rules for the workers of one source.

    Attributes:
        if_failed: the fastest source of the next start, if a worker does not come up; None: there is no next start.
        if_declined: the same, if a worker reports that it can't serve the save; None: no worker does.
        imports: a worker imports what was saved, which may take long. Else it is ready in milliseconds, and if it
            fails, an import has to show what is wrong.
    """

    if_failed: Source | None = None
    if_declined: Source | None = None
    imports: bool = True


RULES: dict[Source, Rules] = {
    Source.SNAPSHOT: Rules(if_failed=Source.PRELOADER, if_declined=Source.CHECKPOINT, imports=False),
    Source.CHECKPOINT: Rules(if_failed=Source.PRELOADER, if_declined=Source.PRELOADER),
    Source.PRELOADER: Rules(if_failed=Source.NOTHING),
    Source.NOTHING: Rules(),
}
FASTEST = next(iter(RULES))
# These import the project ahead of a save, whole or in part, so a save may be one that they can't serve. The project is
# served without them, too: one whose worker does not come up is dropped, and only the log says so.
AHEAD = frozenset(source for source, rules in RULES.items() if rules.if_declined is not None)


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class BootRequested(Event):
    """The lifecycle asks for a worker of this generation.

    Attributes:
        modules_needed: the preloader knows none of the project's modules, and the newest worker could report them.
    """

    generation: int
    modules_needed: bool = False


class RetireRequested(Event):
    """The lifecycle asks this generation to finish and end; ``modules_needed`` as in ``BootRequested``."""

    generation: int
    modules_needed: bool = False


class KillRequested(Event):
    """The lifecycle asks this generation to end now."""

    generation: int


class StopRequested(Event):
    """The appliance stops: no worker is started any more."""


class CodeSaved(Event):
    """The project's code has changed: what earlier attempts have shown is no longer known."""


class Started(Event):
    """The attempt has a process, which comes from this source."""

    attempt: int
    source: Source


class StartFailed(Event):
    """The attempt has no process; the caller that performed the start has reported why."""

    attempt: int


class ForkLost(Event):
    """A source was asked for a worker, and has not forked one."""

    attempt: int


class ForkMismatched(Event):
    """The modules that the attempt has inherited do not fit the project.

    Attributes:
        doubt: why, where only a cold start can show whether the fork is at fault.
    """

    attempt: int
    doubt: str = ""


class SourceDeclined(Event):
    """The attempt can't serve the save with what its source has imported; it ends.

    Attributes:
        why: the reason.
        path: the file that is the reason; or empty.
    """

    attempt: int
    why: str = ""
    path: str = ""


class SourceTimedOut(Event):
    """The time for the attempt to be ready is over; or, if it imports what was saved, the time for its hello."""

    attempt: int


class ImportFailed(Event):
    """The application's import raised; ``report`` says where."""

    attempt: int
    report: Any
    address_in_use: bool = False


class Imported(Event):
    """The application is imported; ``ready`` is the worker's message."""

    attempt: int
    ready: Any


class Died(Event):
    """The attempt's process has ended without being asked to; ``death`` says how, for the report."""

    attempt: int
    how: str
    death: Any


class StoppedAccepting(Event):
    """A worker that drains has left the listening socket, or has had its time to leave it."""

    attempt: int


class ModulesReportOver(Event):
    """A superseded worker has reported its modules, its time for that is over, or it can't be asked."""

    attempt: int


class Ended(Event):
    """The attempt's process has ended, for whatever reason; ``Died`` or ``ForkLost`` follows if nobody expected it."""

    attempt: int


class OldWorkersGone(Event):
    """Every worker has ended, except for the newest attempt."""


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Start(Action):
    """Start the process of this attempt from the fastest source that is there.

    Attributes:
        fastest: the fastest source that may be used.
    """

    generation: int
    attempt: int
    fastest: Source = FASTEST


class ExpectEnd(Action):
    """Expect the attempt to end by itself: the reason is known, so its end is not a crash."""

    attempt: int


class Accept(Action):
    """Let the attempt accept connections, and report it to the lifecycle as ready."""

    attempt: int
    ready: Any


class RefusePreload(Action):
    """A cold start succeeded where a forked one failed: preload nothing."""

    why: str


class DropSource(Action):
    """The attempt did not come up from this source, which is not used any more until it has imported again."""

    source: Source
    how: str


class ReportDeclined(Action):
    """Report to this source that it can't serve the save, and why; ``path`` as in ``SourceDeclined``."""

    source: Source
    why: str
    path: str


class AwaitAddress(Action):
    """Shorten the deadlines of the old workers, and report when they have gone."""

    attempt: int


class ReportFailure(Action):
    """Report a failed import to the lifecycle."""

    attempt: int
    report: Any


class ReportDeath(Action):
    """Report a death to the lifecycle."""

    how: str
    death: Any


class Drain(Action):
    """Ask a worker that serves to finish its requests, and end."""

    attempt: int


class Supersede(Action):
    """End a worker that does not serve yet: it imports outdated code."""

    attempt: int


class AskModules(Action):
    """Let a superseded worker report the modules that it has loaded, for a short time, before it is ended."""

    attempt: int


class Kill(Action):
    """End every worker of this generation now."""

    generation: int
