"""The page of settings: each with its value, and where the value comes from."""

from __future__ import annotations

from typing import Any

from appliance.standin.desk_pages.page_frame import table
from appliance.standin.desk_pages.shown_values import text

_ORIGINS = {
    "default": "default",
    "flag": "a flag of the command",
    "environment": "the environment (compose, docker run, or the shell)",
}
_EMPTY = "<p>The supervisor does not answer on its status socket.</p>"


def settings_page(values: dict[str, Any]) -> str:
    """Return the body of the page: what was changed first, since a person looks for that."""
    if not values:
        return _EMPTY
    settings = values["settings"]
    changed = [each for each in settings if each["origin"] != "default"]
    others = [each for each in settings if each["origin"] == "default"]
    parts = [_application(values["application"])]
    if changed:
        parts.append(f"<h2>Set</h2>{_settings('Settings that were set', changed)}")
    hidden = "".join(
        f"<li><code>{text(each['name'])}</code>: the environment has another value, which wins over "
        f"{text(each['file'])}.</li>"
        for each in values["hidden"]
    )
    unread = "".join(f"<li>Not read: {text(each)}</li>" for each in values["unread"])
    if hidden or unread:
        parts.append(f"<h2>To look at</h2><ul>{hidden}{unread}</ul>")
    if values["variables"]:
        rows = "".join(
            f"<tr><td><code>{text(each['name'])}</code></td>"
            f'<td class="path"><code>{text(each["value"])}</code></td><td>{text(each["origin"])}</td></tr>'
            for each in values["variables"]
        )
        shown = table("Variables of the project's files", ["Variable", "Value", "Origin"], rows)
        parts.append(f"<h2>Variables of the project's files</h2>{shown}")
    parts.append(f"<h2>Defaults</h2>{_settings('Settings with their default', others)}")
    return "".join(parts)


def _application(application: dict[str, str] | None) -> str:
    if application is None:
        return ""
    framework = f" ({text(application['framework'])})" if application["framework"] else ""
    return f"<p>Application: <code>{text(application['name'])}</code>{framework}. {text(application['why'])}</p>"


def _settings(caption: str, found: list[dict[str, str]]) -> str:
    rows = "".join(
        f'<tr><td><code>{text(each["name"])}</code> <span class="meaning">{text(each["help"])}</span></td>'
        f'<td class="path"><code>{text(each["value"]) or "-"}</code></td>'
        f"<td>{text(_ORIGINS.get(each['origin'], each['origin']))}</td></tr>"
        for each in found
    )
    return table(caption, ["Setting", "Value", "Origin"], rows)
