"""The output and the log of a request."""

from __future__ import annotations

from typing import Any

from appliance.standin.desk_pages.shown_values import text

_OF_EACH_LINE = frozenset({"timestamp", "level", "event", "role", "generation", "pid", "request_id"})


def shown_lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines that the section shows; an exception has a section of its own."""
    return [each for each in found["lines"] if each["event"] != "application.failed"]


def log_section(found: dict[str, Any]) -> str:
    """Return the lines in their order."""
    rows = "".join(
        f'<li class="{text(each["level"])}">{_moment(each)} {text(message_of(each))}</li>'
        for each in shown_lines(found)
    )
    return f'<ol class="log">{rows}</ol>' if rows else "<p>The request has printed and logged nothing.</p>"


def message_of(line: dict[str, Any]) -> str:
    """Return the message of a line of the log, in one text."""
    for name in ("text", "message", "traceback"):
        if line.get(name):
            return str(line[name])
    rest = {key: value for key, value in line.items() if key not in _OF_EACH_LINE}
    return " ".join([line["event"], *(f"{key}={value}" for key, value in rest.items())])


def _moment(line: dict[str, Any]) -> str:
    stamp = str(line["timestamp"])
    return f'<time datetime="{text(stamp[:23])}Z">{text(stamp[11:23])}</time>'
