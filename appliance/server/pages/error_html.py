"""Render an error page as HTML: self-contained, light or dark, without resources of other sites.

Escapes every text: an exception's message may contain what a client sent. Runs in the worker and in the stand-in.
"""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2129; --soft: #667085; --paper: #fbfbfa; --card: #fff; --line: #e4e4e0;
  --mark: #b42318; --own: #fff4ed }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e3; --soft: #98a2b3; --paper: #16181d; --card: #1f2228; --line: #30343c;
    --mark: #ff8a7a; --own: #33251d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.25rem 4rem }
h1 { margin: 0 0 .5rem; font-size: 1.45rem; line-height: 1.3; overflow-wrap: anywhere }
.broken h1 { color: var(--mark) }
p { margin: .4rem 0; overflow-wrap: anywhere }
.where { font: 600 .95rem ui-monospace, monospace }
.action { border-left: 3px solid var(--mark); padding-left: .8rem; margin: 1.2rem 0 }
pre, .frame { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem;
  overflow-x: auto; font: .86rem/1.5 ui-monospace, monospace }
.frame { margin: .5rem 0 } .frame b { font-weight: 600 }
.frame code { display: block; white-space: pre; margin-top: .25rem }
.own { background: var(--own) }
details { margin-top: 1.2rem } summary { cursor: pointer; color: var(--soft) }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem }
"""

# The stand-in answers when the page has changed, or "same" before a proxy's timeout. A worker gives any other answer.
_SCRIPT = """
(async () => {
  for (;;) {
    try {
      const answer = await fetch("/__appliance__/wait?version=%s", {cache: "no-store"});
      if (answer.headers.get("X-Appliance-Wait") !== "same") { location.reload(); return }
    } catch { await new Promise(later => setTimeout(later, 1000)) }
  }
})();
"""


def html_page(page: dict[str, Any]) -> str:
    """Return the whole document of one page (see ``error_page.render``)."""
    broken = page.get("status") != 503
    title = escape(str(page.get("title", "")))
    body = [f"<h1>{title}</h1>"]
    if page.get("file"):
        body.append(f'<p class="where">{escape(str(page["file"]))}:{escape(str(page.get("line", "")))}</p>')
    if page.get("lead"):
        body.append(f"<p>{escape(str(page['lead']))}</p>")
    if page.get("action"):
        body.append(f'<p class="action">{escape(str(page["action"]))}</p>')
    frames = page.get("frames") or []
    body += [_frame(frame) for frame in reversed(frames)]  # the innermost first: readers look for it
    if page.get("text"):
        text = f"<pre>{escape(str(page['text']))}</pre>"
        body.append(f"<details><summary>The traceback as text</summary>{text}</details>" if frames else text)
    if page.get("details"):
        body.append(f"<pre>{escape(str(page['details']))}</pre>")
    refresh = bool(page.get("refresh"))
    note = " This page refreshes itself." if refresh else ""
    body.append(f"<footer>wsgi-appliance, a development server.{note}</footer>")
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{title}</title>"
    if refresh:
        head += "<noscript><meta http-equiv=refresh content=2></noscript>"
    script = f"<script>{_SCRIPT % int(page.get('version', 0))}</script>" if refresh else ""
    look = "broken" if broken else "waiting"
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{_STYLE}</style></head>"
        f'<body class="{look}"><main>{"".join(body)}</main>{script}</body></html>\n'
    )


def _frame(frame: dict[str, Any]) -> str:
    place = f"{escape(str(frame['file']))}:{escape(str(frame['line']))}"
    source = f"<code>{escape(str(frame['source']))}</code>" if frame["source"] else ""
    own = " own" if frame["project"] else ""
    return f'<div class="frame{own}"><b>{escape(str(frame["function"]))}</b> {place}{source}</div>'
