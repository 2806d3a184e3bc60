"""The events and actions of ``lifecycle``: what can happen to a project, and how the supervisor reacts.

Only data; the table decides.
"""

from __future__ import annotations

import enum
from typing import Any

from appliance.protocol.record import Record

Page = dict[str, Any]


class Phase(enum.Enum):
    """The project's stage on its way to being served."""

    ANALYSING = "analysing"
    INSTALLING = "installing"
    PREPARING = "preparing"
    BOOTING = "booting"
    SERVING = "serving"
    BROKEN = "broken"
    STOPPING = "stopping"
    STOPPED = "stopped"


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class Analysed(Event):
    """Environment, application and dependencies are known.

    Attributes:
        installed: nothing is left to install.
        prepared: no command is left that must run before a worker.
    """

    job: int
    installed: bool
    prepared: bool = True


class AnalysisFailed(Event):
    """The project can't be served as it is; ``page`` says why."""

    job: int
    page: Page


class Installed(Event):
    """The project's environment is complete."""

    job: int


class InstallFailed(Event):
    """The installer has failed."""

    job: int
    page: Page


class Prepared(Event):
    """The commands that come before a worker have succeeded."""

    job: int


class PreparationFailed(Event):
    """A command that comes before a worker has failed."""

    job: int
    page: Page


class WorkerReady(Event):
    """The worker has imported the application, and accepts connections."""

    generation: int


class WorkerFailed(Event):
    """The application's import raised or took too long, or the worker could not be started."""

    generation: int
    page: Page


class WorkerDied(Event):
    """The worker's process has ended by itself; ``served`` if it has had requests, or time for some."""

    generation: int
    page: Page
    served: bool


class CodeChanged(Event):
    """Files that the worker loads have changed; the place of the application and the dependencies are the same."""


class ProjectChanged(Event):
    """Dependency files or .env files have changed, or files were added or removed."""


class RetryDue(Event):
    """The wait before a restart is over."""

    generation: int


class AnalysisDue(Event):
    """The wait before another analysis is over: a process that could not be started may start now."""

    job: int


class StopAsked(Event):
    """A signal, or Control-C."""

    signal: str


class AllGone(Event):
    """The last child has ended."""


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class Analyse(Action):
    """Read the environment, find the application, plan the installation."""

    job: int


class Install(Action):
    """Run the installer."""

    job: int


class CancelInstall(Action):
    """End the installer that runs, if one does."""


class Prepare(Action):
    """Run the commands that come before a worker, or let them go on if they run with the same inputs."""

    job: int


class CancelPreparation(Action):
    """End the commands that come before a worker, if they run."""


class Boot(Action):
    """Start a worker."""

    generation: int


class Retire(Action):
    """Let the worker finish its requests, and end; end it at once while it imports."""

    generation: int


class Kill(Action):
    """End the worker now."""

    generation: int


class ShowProgress(Action):
    """Have the stand-in show what is under way to clients that have waited."""

    phase: Phase


class ShowFailure(Action):
    """Have the stand-in answer at once with this page."""

    page: Page


class ServeProject(Action):
    """Leave the connections to the worker, which accepts now; the stand-in stops."""


class RetryLater(Action):
    """Send RetryDue after ``after_s`` seconds."""

    generation: int
    after_s: float


class StopAll(Action):
    """Ask every child to end."""

    signal: str


class Finish(Action):
    """End the supervisor."""
