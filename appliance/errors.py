"""What can go wrong, in words that help: found, expected, what to do.

Owns the one root of our errors and the documented exit codes. Knows nothing of who words them: ``cli`` prints them,
the supervisor makes an event and a page of them. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ApplianceError(Exception):
    """A failure with three parts, each one sentence or less.

    Attributes:
        found: what was met, as the user would see it.
        expected: what would have been right.
        action: what to do about it.
        details: more fields for the event, JSON values by name.
    """

    event: ClassVar[str] = "appliance.failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, found: str, *, expected: str, action: str, **details: Any) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.action = action
        self.details = details

    def fields(self) -> dict[str, Any]:
        """The fields of its event: the three parts, then the details."""
        return {"found": self.found, "expected": self.expected, "action": self.action, **self.details}


class SettingsError(ApplianceError):
    """A command line or a setting that can't be meant."""

    event = "settings.invalid"
    exit_code = 2


class ProjectMissingError(ApplianceError):
    """The project's folder is not there, is no folder, or can't be read."""

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
    """No Python that the project can run on is to be had."""

    event = "interpreter.missing"


class PreparationError(ApplianceError):
    """A command of BEFORE_START failed."""

    event = "preparation.failed"


class ApplicationError(ApplianceError):
    """No WSGI application was found, or more than one, or one of another kind."""

    event = "application.missing"
    exit_code = 6


class NotRunningError(ApplianceError):
    """No supervisor answers."""

    event = "supervisor.missing"
    exit_code = 7
