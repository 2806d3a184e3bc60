"""What the stand-in says: a page for each phase and each failure.

Owns the words, and nothing of when they are said. A page is the dict that appliance.server.pages.error_page renders as
HTML, JSON or text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.discovery.target import describe_findings
from appliance.supervisor.lifecycle import Page, Phase

if TYPE_CHECKING:
    from appliance.errors import ApplianceError

_LONGEST_LINE = 2_048  # characters
_PROGRESS = {
    Phase.ANALYSING: ("Looking at the project", "The appliance is finding out how to serve this project."),
    Phase.INSTALLING: ("Installing what the project depends on", "The log shows the installer's progress."),
    Phase.PREPARING: ("Running the commands of BEFORE_START", "The log shows what they print."),
    Phase.BOOTING: ("Starting the project", "The project is being imported."),
}


_LONGEST = 64 * 1024


def cut(text: str) -> str:
    """At most so much of a text, its end: what led to a failure stands last."""
    return text if len(text) <= _LONGEST else f"... ({len(text)} characters)\n{text[-_LONGEST:]}"


def progress(phase: Phase, last_line: str = "") -> Page:
    """Something is under way: 503, and it refreshes itself."""
    title, lead = _PROGRESS[phase]
    return {"status": 503, "title": title, "lead": lead, "details": _bounded(last_line), "refresh": True}


def of_error(error: ApplianceError) -> Page:
    """A failure of ours, in its three parts."""
    output = error.details.get("output", ())
    details = (
        output
        if isinstance(output, str)
        else "\n".join([*output, *describe_findings(error.details.get("findings", ()))])
    )
    return {
        "status": 500,
        "title": cut(error.found),
        "lead": cut(f"Expected: {error.expected}."),
        "action": cut(error.action),
        "details": cut(details),
        "error": error.event,
        **{key: error.details[key] for key in ("file", "line") if key in error.details},
        "refresh": True,
    }


def of_report(report: dict[str, Any]) -> Page:
    """The application's import raised: its traceback (appliance.server.pages.error_page.report)."""
    return {"status": 500, "lead": "The project could not be imported.", **report, "refresh": True}


def of_death(how: str, last_words: list[str], *, serving: bool) -> Page:
    """The worker's process has ended without being asked to."""
    return {
        "status": 500,
        "title": f"The worker ended: {how}",
        "lead": "It was serving the project." if serving else "It was importing the project.",
        "details": cut("\n".join(map(_bounded, last_words))),
        "action": "It is started again after a moment, and at the next save.",
        "error": "worker.exited",
        "refresh": True,
    }


def of_timeout(boot_timeout_s: float, last_words: list[str], stacks: str) -> Page:
    """The import did not end; ``stacks`` is where it stood."""
    return {
        "status": 500,
        "title": f"The project was not imported within {boot_timeout_s:g} s",
        "lead": "Expected: an import that ends.",
        "details": cut("\n".join([*map(_bounded, last_words), stacks])),
        "action": "Look for a loop at import, or a connection that is waited for; or raise APPLIANCE_BOOT_TIMEOUT_S.",
        "error": "worker.failed",
        "refresh": True,
    }


def _bounded(line: str) -> str:
    """A line of output on a page; the log has it whole."""
    return (
        line
        if len(line) <= _LONGEST_LINE
        else f"{line[:_LONGEST_LINE]}... ({len(line) - _LONGEST_LINE} more characters)"
    )
