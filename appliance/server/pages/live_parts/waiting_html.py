"""Render the work under way as HTML: a page that the script updates in place, until the project is served.

Escapes every text. Runs in the stand-in.
"""

from __future__ import annotations

from typing import Any

from ..html.markup import text


def waiting_body(page: dict[str, Any]) -> str:
    """Return the content of ``main``."""
    progress = page["progress"]
    done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
    bar = f'max="{total}" value="{done}"' if total else "hidden"
    strip = " hidden" if total else ""
    elapsed = int(progress.get("elapsed_s", 0))
    time = f"{elapsed} s so far" if elapsed > 1 else ""
    output = ' class="log" tabindex="0" role="region" aria-label="The last lines of output"'
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in progress.get("facts", ()))
    return "".join(
        [
            f"<header>{_element('h1', 'title', page.get('title'))}",
            _element("p", "lead", page.get("lead"), ' class="lead" role="status"'),
            f'</header><div id="appliance-strip" class="progress"{strip}></div>',
            f'<progress id="appliance-progress" aria-label="Packages" {bar}></progress>',
            f'<dl id="appliance-facts"{"" if rows else " hidden"}>{rows}</dl>',
            _element("p", "time", time, ' class="lead"'),
            _element("pre", "details", page.get("details"), output),
        ]
    )


def elapsed_attribute(page: dict[str, Any]) -> str:
    """Return the attribute of the document that has the script count on."""
    return f' data-elapsed="{float(page["progress"].get("elapsed_s", 0)):.1f}"'


def _element(name: str, part: str, content: object, attributes: str = "") -> str:
    words = text(content or "")
    return f'<{name} id="appliance-{part}"{attributes}{"" if words else " hidden"}>{words}</{name}>'
