"""Render the remedies of a failure as HTML: what each would run or change, and the way to press it.

A page of the project's own origin holds no secret of ours, so it has no form: each remedy is a link to the appliance's
page with the form. Where a script may run, that puts the button and the output in place. Escapes every text. Runs in
the worker and in the stand-in; imports the standard library alone.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ...browser.own_paths import PREFIX
from ..html.markup import region, text

PAGE = f"{PREFIX}/remedy"
SCRIPT = f"{PREFIX}/remedy.js"
_MOST = 5
_LINES = {"+": ("ins", "l add"), "-": ("del", "l del")}


def remedies_html(remedies: object, *, script: bool = False) -> str:
    """Return a section for a page's ``remedies``; "" without any.

    Args:
        remedies: dicts with ``id`` and ``label``; and, if the page's maker knows them, ``why``, ``command``, ``diff``.
        script: load the script that runs a remedy in place; a page of our own contains it already.
    """
    known = remedies if isinstance(remedies, list) else []
    items = [each for each in known if isinstance(each, dict) and each.get("id")][:_MOST]
    if not items:
        return ""
    parts = [f'<div class="appliance-remedy" data-remedy="{_of(each, "id")}">{_item(each)}</div>' for each in items]
    return "".join([*parts, f'<script src="{SCRIPT}" defer></script>' if script else ""])


def remedy_details(remedy: dict[str, Any]) -> str:
    """Return why, and exactly what is run or changed."""
    why = f"<p>{_of(remedy, 'why')}</p>" if remedy.get("why") else ""
    if remedy.get("command"):
        return why + region(f"<code>{_of(remedy, 'command')}</code>", f"The command: {remedy.get('label')}", "command")
    change = f"The change: {remedy.get('label')}"
    return why + (region(diff_html(str(remedy["diff"])), change, "diff") if remedy.get("diff") else "")


def diff_html(diff: str) -> str:
    """Return a unified diff, each added and removed line marked."""
    lines = []
    for line in diff.split("\n"):
        tag, kind = _LINES.get(line[:1], ("span", "l"))
        lines.append(f'<{tag} class="{kind}">{text(line) or " "}</{tag}>')
    return "".join(lines)


def _item(remedy: dict[str, Any]) -> str:
    address = f"{PAGE}?id={quote(str(remedy.get('id', '')))}"
    link = f'<p><a href="{text(address)}">{_of(remedy, "label")}</a></p>'
    return remedy_details(remedy) + (link if remedy.get("runs", True) else "")


def _of(remedy: dict[str, Any], name: str) -> str:
    return text(remedy.get(name, ""))
