"""The stand-in's pages of failures; ``progress_page`` makes those of what is under way.

A page is the dict that appliance.server.pages.error_page renders as HTML, JSON or text. Other modules decide when a
page is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.discovery.target import describe_findings
from appliance.environment.failures.headings import install_heading
from appliance.errors import InstallError
from appliance.plural import counted
from appliance.supervisor.reporting.failure_places import stopped_at, without_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.errors import ApplianceError
    from appliance.supervisor.lifecycle_events import Page

_MAX_LINE = 2_048  # characters
_MAX_TEXT = 64 * 1024
_NOT_INSTALLED = "The project's dependencies could not be installed."
_STARTS_A_SENTENCE = {"the", "a", "an", "no", "several", "this", "its", "it"}


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
    findings = error.details.get("findings", ()) if not output else ()
    installs = error.event == InstallError.event
    heading = install_heading(error.found) if installs else _sentence(error.found)
    found = "" if heading == _sentence(error.found) else f"{_sentence(error.found)}. "
    # ``found`` quotes the installer's output, which is also shown whole.
    lead = _NOT_INSTALLED if installs and output else f"{found}Expected: {error.expected}."
    return {
        "status": 500,
        "title": cut(heading),
        "lead": cut(lead),
        "action": cut(error.action),
        "details": cut(details),
        "error": error.event,
        **({"findings": _rows(findings)} if findings else {}),
        **{key: error.details[key] for key in ("file", "line") if key in error.details},
        "remedies": error.needs,
        "refresh": True,
    }


def of_report(report: dict[str, Any]) -> Page:
    """Return the page of an import that raised, with its traceback (appliance.server.pages.error_page.report)."""
    return {"status": 500, "lead": "The project could not be imported.", **report, "refresh": True}


def of_death(how: str, last_lines: list[str], root: str, *, serving: bool) -> Page:
    """Return the page of a worker process that ended without being asked to."""
    return {
        "status": 500,
        "title": f"The worker ended: {how}",
        "lead": "It ended while it served the project." if serving else "It ended while it imported the project.",
        "details": cut(without_ours("\n".join(map(shortened, last_lines)))),
        "action": "Read below what it printed last, and save a correction. A new worker also starts after a moment.",
        "error": "worker.exited",
        **stopped_at("\n".join(last_lines), root),
        "refresh": True,
    }


def of_timeout(boot_timeout_s: float, last_lines: list[str], stacks: str, root: str) -> Page:
    """Return the page of an import that did not end; ``stacks`` shows where the import was."""
    return {
        "status": 500,
        "title": f"The project was not imported within {boot_timeout_s:g} s",
        "lead": "The import did not end, so the worker was stopped.",
        "details": cut("\n".join([*map(shortened, last_lines), without_ours(stacks)])),
        "action": "Look for a loop at import, or a connection without an answer; or raise APPLIANCE_BOOT_TIMEOUT_S.",
        "remedies": [{"kind": "run-again", "step": "import"}],
        "error": "worker.failed",
        **stopped_at(stacks, root),
        "refresh": True,
    }


def _rows(findings: Iterable[Mapping[str, str]]) -> list[list[str]]:
    """Return the findings of the rules as a table, the successful rules first."""
    rows = []
    for each in sorted(findings, key=lambda each: each["outcome"] == "nothing"):
        outcome = "" if each["outcome"] == "nothing" else f"{each['outcome']}: "
        rows.append([each["rule"], f"{outcome}{each['looked_at']}: {each['found']}"])
    return rows


def _sentence(text: str) -> str:
    """Return a text with a capital letter at its beginning, unless it begins with a name, as of a file."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first in _STARTS_A_SENTENCE else text


def shortened(text: str, most: int = _MAX_LINE) -> str:
    """Return a text for a page, cut to ``most`` characters; the text says how many characters are left out."""
    return text if len(text) <= most else f"{text[:most]}... ({counted(len(text) - most, 'more character')})"
