"""The words of the lifecycle: what can happen, and what can be done about it.

Owns the names of both, each with what it carries. Knows nothing of what follows from what: that is ``lifecycle``'s
table. Data alone, of the supervisor's process.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

Page = dict[str, Any]


class Phase(enum.Enum):
    """Where the project is on its way to being served."""

    ANALYSING = "analysing"
    INSTALLING = "installing"
    PREPARING = "preparing"
    BOOTING = "booting"
    SERVING = "serving"
    BROKEN = "broken"
    STOPPING = "stopping"
    STOPPED = "stopped"


# -- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True)
class Analysed(Event):
    """Environment, application and dependencies are known.

    Attributes:
        installed: nothing is left to install.
        prepared: no command is left that must run before a worker.
    """

    job: int
    installed: bool
    prepared: bool = True


@dataclass(frozen=True)
class AnalysisFailed(Event):
    """They can't be."""

    job: int
    page: Page


@dataclass(frozen=True)
class Installed(Event):
    """The project's environment is whole."""

    job: int


@dataclass(frozen=True)
class InstallFailed(Event):
    """The installer gave up."""

    job: int
    page: Page


@dataclass(frozen=True)
class Prepared(Event):
    """The commands that come before a worker have ended well."""

    job: int


@dataclass(frozen=True)
class PreparationFailed(Event):
    """One of them has not."""

    job: int
    page: Page


@dataclass(frozen=True)
class WorkerReady(Event):
    """It has imported the application, and accepts."""

    generation: int


@dataclass(frozen=True)
class WorkerFailed(Event):
    """The application's import raised; or it took too long, or could not be started."""

    generation: int
    page: Page


@dataclass(frozen=True)
class WorkerDied(Event):
    """Its process has ended without being asked to; ``served`` if it has had requests, or time for some."""

    generation: int
    page: Page
    served: bool


@dataclass(frozen=True)
class CodeChanged(Event):
    """Files that the worker loads have changed; who is to be found, and what it needs, has not."""


@dataclass(frozen=True)
class ProjectChanged(Event):
    """Dependency files, .env files, or which files there are."""


@dataclass(frozen=True)
class RetryDue(Event):
    """The wait before a restart is over."""

    generation: int


@dataclass(frozen=True)
class AnalysisDue(Event):
    """The wait before another look at the project is over: what could not be started may be startable now."""

    job: int


@dataclass(frozen=True)
class StopAsked(Event):
    """A signal, or Control-C."""

    signal: str


@dataclass(frozen=True)
class AllGone(Event):
    """No child is left."""


# -- actions -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """Something to do."""


@dataclass(frozen=True)
class Analyse(Action):
    """Read the environment, find the application, plan the installation."""

    job: int


@dataclass(frozen=True)
class Install(Action):
    """Run the installer."""

    job: int


@dataclass(frozen=True)
class CancelInstall(Action):
    """End the installer that runs, if one does."""


@dataclass(frozen=True)
class Prepare(Action):
    """Run the commands that come before a worker; where they run already, with the same inputs, let them."""

    job: int


@dataclass(frozen=True)
class CancelPreparation(Action):
    """End those commands, if they run."""


@dataclass(frozen=True)
class Boot(Action):
    """Start a worker."""

    generation: int


@dataclass(frozen=True)
class Retire(Action):
    """Let the worker finish what it has, and end; at once if it has nothing, or is importing still."""

    generation: int


@dataclass(frozen=True)
class Kill(Action):
    """End the worker now."""

    generation: int


@dataclass(frozen=True)
class SayProgress(Action):
    """The stand-in is to say, to who has waited, what is under way."""

    phase: Phase


@dataclass(frozen=True)
class SayBroken(Action):
    """The stand-in is to answer at once, with this page."""

    page: Page


@dataclass(frozen=True)
class HideStandIn(Action):
    """The worker answers: the stand-in is to rest."""


@dataclass(frozen=True)
class RetryLater(Action):
    """Come back with RetryDue."""

    generation: int
    after_s: float


@dataclass(frozen=True)
class StopAll(Action):
    """End every child, within the second."""

    signal: str


@dataclass(frozen=True)
class Finish(Action):
    """End the supervisor."""
