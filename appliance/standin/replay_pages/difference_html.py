"""Write the response of a request that was sent again beside the recorded one, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration
from appliance.plural import counted
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import size, status_class, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTENT_MAX = 64 * 1024  # characters that are shown
_LINES = {"+": ("ins", "add"), "-": ("del", "del")}
_WHAT = {"status": "Status", "queries": "Queries", "field": "Field", "content": "Content"}


def differences_html(differences: Sequence[dict[str, Any]]) -> str:
    """Return the differences as a table, and those of lines below it."""
    if not differences:
        return '<p class="s2">No difference.</p>'
    rows = "".join(map(_row, (each for each in differences if "lines" not in each)))
    parts = [table("The differences", ["What", "Before", "Now"], rows)] if rows else []
    parts += [_lines(each) for each in differences if "lines" in each]
    return "".join(parts)


def _row(each: dict[str, Any]) -> str:
    what = " ".join(filter(None, [_WHAT.get(each["what"], each["what"]), each.get("name"), each.get("path")]))
    before, after = (
        "<span class=soft>none</span>" if value is None else text(value) for value in (each["before"], each["after"])
    )
    return f'<tr><th scope="row">{text(what)}</th><td class="path">{before}</td><td class="path">{after}</td></tr>'


def _lines(each: dict[str, Any]) -> str:
    lines = []
    for kind, content in each["lines"]:
        tag, name = _LINES.get(kind, ("span", ""))
        lines.append(f'<{tag} class="l {name}">{text(kind + content) or " "}</{tag}>')
    label = f"Content: {counted(each['removed'], 'line')} removed, {each['added']} added"
    return (
        f'<h3>{text(label)}</h3><pre class="diff" tabindex="0" role="region" aria-label="{text(label)}">'
        f"{''.join(lines)}</pre>"
    )


def result_html(result: dict[str, Any]) -> str:
    """Return the result of a replay: the difference, then both responses beside each other."""
    parts = [f'<section id="result"><h2>The response now</h2>{_notes(result)}{differences_html(result["differences"])}']
    if result.get("replayed"):
        parts.append(f'<p><a href="{PREFIX}/requests/{result["replayed"]}">The request as it was recorded now</a></p>')
    before, after = _response("Before", result["before"]), _response("Now", result["after"])
    return "".join([*parts, f'<div class="beside">{before}{after}</div></section>'])


def _notes(result: dict[str, Any]) -> str:
    if not result.get("left_out"):
        return ""
    names = ", ".join(result["left_out"])
    return f'<p class="s4">Left out, because only their masked values are known: {text(names)}.</p>'


def _response(heading: str, shown: dict[str, Any]) -> str:
    facts = [
        ("Status", f'<span class="{status_class(shown["status"])}">{text(shown["status"] or "none")}</span>'),
        ("Duration", duration(shown["duration_s"])),
        ("Queries", text(shown["queries"])),
        ("Size", size(shown["size"])),
        *((text(name), text(value)) for name, value in shown["fields"]),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    content = (shown["content"] or "")[:_CONTENT_MAX]
    label = f"{heading}: content"
    shown_content = (
        f'<pre tabindex="0" role="region" aria-label="{label}">{text(content)}</pre>' if content else ""
    )  # an empty <pre> would be a region without anything in it
    note = f"<p>{text(shown['content_note'])}</p>" if shown["content_note"] else ""
    return f"<div><h3>{heading}</h3><dl>{rows}</dl>{shown_content}{note}</div>"
