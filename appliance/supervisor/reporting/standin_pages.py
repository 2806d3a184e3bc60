"""The stand-in's pages of failures; ``progress_page`` makes those of what is under way.

A page is the dict that appliance.server.pages.error_page renders as HTML, JSON or text. This module does not decide
when a page is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.discovery.target import describe_findings
from appliance.environment.failures.headings import install_heading
from appliance.errors import InstallError
from appliance.plural import counted

if TYPE_CHECKING:
    from appliance.errors import ApplianceError
    from appliance.supervisor.lifecycle_events import Page

_MAX_LINE = 2_048  # characters
_MAX_TEXT = 64 * 1024


def cut(text: str) -> str:
    """Return the end of a long text: the cause of a failure is usually at its end."""
    return text if len(text) <= _MAX_TEXT else f"... ({len(text)} characters)\n{text[-_MAX_TEXT:]}"


def of_error(error: ApplianceError) -> Page:
    """Return the page of an error of the appliance, in its three parts."""
    output = error.details.get("output", ())
    details = (
        output
        if isinstance(output, str)
        else "\n".join([*output, *describe_findings(error.details.get("findings", ()))])
    )
    heading = install_heading(error.found) if error.event == InstallError.event else _sentence(error.found)
    found = "" if heading == _sentence(error.found) else f"{_sentence(error.found)}. "
    return {
        "status": 500,
        "title": cut(heading),
        "lead": cut(f"{found}Expected: {error.expected}."),
        "action": cut(error.action),
        "details": cut(details),
        "error": error.event,
        **{key: error.details[key] for key in ("file", "line") if key in error.details},
        "remedies": error.needs,
        "refresh": True,
    }


def of_report(report: dict[str, Any]) -> Page:
    """Return the page of an import that raised, with its traceback (appliance.server.pages.error_page.report)."""
    return {"status": 500, "lead": "The project could not be imported.", **report, "refresh": True}


def of_death(how: str, last_lines: list[str], *, serving: bool) -> Page:
    """Return the page of a worker process that ended without being asked to."""
    return {
        "status": 500,
        "title": f"The worker ended: {how}",
        "lead": "It was serving the project." if serving else "It was importing the project.",
        "details": cut("\n".join(map(shortened, last_lines))),
        "action": "It starts again after a moment, and at the next save.",
        "error": "worker.exited",
        "refresh": True,
    }


def of_timeout(boot_timeout_s: float, last_lines: list[str], stacks: str) -> Page:
    """Return the page of an import that did not end; ``stacks`` shows where it was."""
    return {
        "status": 500,
        "title": f"The project was not imported within {boot_timeout_s:g} s",
        "lead": "Expected: an import that ends.",
        "details": cut("\n".join([*map(shortened, last_lines), stacks])),
        "action": "Look for a loop at import, or a connection without an answer; or raise APPLIANCE_BOOT_TIMEOUT_S.",
        "remedies": [{"kind": "run-again", "step": "import"}],
        "error": "worker.failed",
        "refresh": True,
    }


def _sentence(text: str) -> str:
    """Return a text that begins as a sentence does; one that begins with a name, of a file for example, stays."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first in _WORDS else text


_WORDS = {"the", "a", "an", "no", "several", "this", "its", "it"}


def shortened(text: str, most: int = _MAX_LINE) -> str:
    """Return a text for a page, cut to ``most`` characters with the number of those that are left out."""
    return text if len(text) <= most else f"{text[:most]}... ({counted(len(text) - most, 'more character')})"
