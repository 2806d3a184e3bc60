"""The appliance's errors: what was found, what was expected, what to do.

All errors derive from one class; each carries its documented exit code. ``cli`` prints them; the supervisor makes an
event and a page of them. Used in the appliance's own interpreter alone.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, ClassVar

from appliance import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ApplianceError(Exception):
    """A failure with three parts, each one sentence or less.

    Attributes:
        found: what is wrong, as the user sees it.
        expected: what would have been right.
        action: what to do about it.
        needs: the remedies that a page may offer: rows of ``protocol.remedy_kinds``, with their parameters.
        details: more fields for the event, JSON values by name.
    """

    event: ClassVar[str] = "appliance.failed"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, found: str, *, expected: str, action: str, needs: Iterable[dict[str, str]] = (), **details: Any
    ) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.action = action
        self.needs = list(needs)
        self.details = details

    def fields(self) -> dict[str, Any]:
        """Return the fields of its event: the three parts, then the details."""
        return {"found": self.found, "expected": self.expected, "action": self.action, **self.details}


class SettingsError(ApplianceError):
    """A command line or a setting that is not valid."""

    event = "settings.invalid"
    exit_code = 2


class ProjectMissingError(ApplianceError):
    """The project's folder does not exist, is not a folder, or can't be read."""

    event = "project.missing"
    exit_code = 3


class ListenError(ApplianceError):
    """The address can't be bound."""

    event = "listen.failed"
    exit_code = 4


class InstallError(ApplianceError):
    """The project's dependencies can't be installed."""

    event = "install.failed"
    exit_code = 5


class InterpreterError(InstallError):
    """No Python that the project can run on can be found."""

    event = "interpreter.missing"


class StartError(ApplianceError):
    """A process or a thread of the appliance can't be started.

    Attributes:
        passing: a later try may succeed: other processes fill the limit that was reached.
    """

    event = "start.failed"

    def __init__(self, found: str, *, expected: str, action: str, what: str, passing: bool) -> None:
        super().__init__(found, expected=expected, action=action, what=what)
        self.passing = passing


class PreparationError(ApplianceError):
    """A command of BEFORE_START failed."""

    event = "preparation.failed"


class ApplicationError(ApplianceError):
    """No WSGI application was found, or more than one, or one of another kind.

    Attributes:
        unparsed: the files that can't be parsed now, of those that were read.
    """

    event = "application.missing"
    exit_code = 6
    unparsed: frozenset[Path] = frozenset()


class NotRunningError(ApplianceError):
    """No supervisor answers."""

    event = "supervisor.missing"
    exit_code = 7


class RequestError(ApplianceError):
    """A recorded request is not kept, or is not sent again."""

    exit_code = 8


def defect(error: BaseException) -> ApplianceError:
    """Return the error for an exception that no code of the appliance handles."""
    return ApplianceError(
        f"the appliance failed: {type(error).__name__}: {error}",
        expected="no exception in the appliance's own code",
        action="Try it again. If it fails again, report it with this line: it is a defect of the appliance.",
        place=place_of(error),
    )


def place_of(error: BaseException) -> str:
    """Return the line that raised the error: the innermost line of the appliance, not of a library that it called."""
    every = list(traceback.extract_tb(error.__traceback__))
    frames = [frame for frame in every if frame.filename.startswith(OWN_FOLDER)] or every
    if not frames:
        return "unknown"
    return f"{frames[-1].filename.removeprefix(OWN_FOLDER)}:{frames[-1].lineno} ({frames[-1].name})"
