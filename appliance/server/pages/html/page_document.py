"""Render a page as a whole HTML document: the message first, then where, why, and what else is known.

Escapes every text: an exception's message may contain what a client sent. Runs in the worker and in the stand-in.
"""

from __future__ import annotations

from typing import Any

from ....plural import counted
from ..live_parts.remedy_html import remedies_html
from ..live_parts.waiting_html import elapsed_attribute, waiting_body
from .assistant_text import markdown
from .editor_links import editor_url
from .exception_section import ExceptionSection, link, notes
from .last_save import last_save
from .markup import prose, region, relative, table, text
from .page_script import SCRIPT
from .page_style import STYLE

Page = dict[str, Any]


def html_page(page: Page) -> str:
    """Return the whole document of one page (see ``error_page.render``)."""
    status = page.get("status")
    refresh = bool(page.get("refresh"))
    tree = page.get("exception")
    in_place = status == 503 and refresh and "progress" in page
    parts = [waiting_body(page)] if in_place else _parts(page, tree)
    note = " This page refreshes itself." if refresh else ""
    body = f"<main>{''.join(parts)}</main><footer>wsgi-appliance, a development server.{note}</footer>"
    script = f"<script>{SCRIPT}</script>" if refresh or tree or page.get("remedies") else ""
    title = text(page.get("title", ""))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    if refresh:
        head += '<noscript><meta http-equiv="refresh" content="2"></noscript>'
    version = f' data-version="{int(page.get("version", 0))}"' if refresh else ""
    version += elapsed_attribute(page) if in_place else ""
    look = "calm" if status in {200, 503} else "broken"
    return (
        f'<!doctype html><html lang="en"{version}><head>{head}<title>{title}</title><style>{STYLE}</style></head>'
        f'<body class="{look}">{body}{script}</body></html>\n'
    )


def _parts(page: Page, tree: dict[str, Any] | None) -> list[str]:
    parts = [_heading(page, tree), *_summary(page), _tools(tree), "</header>"]
    if page.get("status") == 503 and page.get("refresh"):
        parts.append('<div class="progress"></div>')
    if tree:
        parts.append(ExceptionSection(page.get("root"), page.get("editor") or {}).whole(tree))
    if page.get("findings"):
        parts.append(f'<div class="card">{table(page["findings"], "Where the appliance looked")}</div>')
    elif page.get("details"):
        output = region(text(page["details"]), "The last lines of output", "log")
        parts.append(f'<section aria-labelledby="output"><h2 id="output">Output</h2>{output}</section>')
    return parts + _sections(page, tree)


def _heading(page: Page, tree: dict[str, Any] | None) -> str:
    title, kind = str(page.get("title", "")), str(page.get("type", ""))
    if tree and kind and title.startswith(kind):
        return f'<header><h1><span class="kind">{text(kind)}</span>{text(title[len(kind) :])}</h1>'
    return f"<header><h1>{text(title)}</h1>"


def _summary(page: Page) -> list[str]:
    parts = []
    tree = page.get("exception") or {}
    message = str(page.get("message") or "")
    if "\n" in message.strip():
        parts.append(region(text(message), "The whole message", "message"))
    parts.append(notes(tree))
    if page.get("lead"):
        parts.append(f'<p class="lead">{prose(page["lead"])}</p>')
    if page.get("file"):
        place = f"{relative(page['file'], page.get('root'))}:{page.get('line', '')}"
        parts.append(f'<p class="where">{text(place)}</p>')
        if not tree:
            editor = page.get("editor") or {}
            parts.append(link(editor_url(editor, page.get("root"), page["file"], page.get("line")), editor))
    if page.get("action"):
        parts.append(f'<p class="action">{prose(page["action"])}</p>')
    parts.append(remedies_html(page.get("remedies")))
    return parts


def _tools(tree: dict[str, Any] | None) -> str:
    if not tree:
        return ""
    return '<p class="tools"><button type="button" data-copy="assistant" hidden>Copy for an assistant</button></p>'


def _sections(page: Page, tree: dict[str, Any] | None) -> list[str]:
    saved = [last_save(page["saved"], page)] if page.get("saved") else []
    rest = _rest(page, tree)
    if tree:
        rest = ['<section aria-labelledby="more"><h2 id="more">More about it</h2>', *rest, "</section>"]
    return saved + rest


def _rest(page: Page, tree: dict[str, Any] | None) -> list[str]:
    parts = []
    if page.get("request"):
        parts.append(_request(page["request"]))
    lines = page.get("log") or []
    if lines:
        log = region(text("\n".join(map(str, lines))), "The last lines of output", "log")
        last = "The last line" if len(lines) == 1 else f"The last {counted(len(lines), 'line')}"
        parts.append(_folded(f"{last} of output", log))
    if page.get("text"):
        label = "The traceback as text"
        whole = region(text(page["text"]), label, "trace")
        parts.append(_folded(label, whole) if tree else whole)
    if page.get("versions"):
        parts.append(_folded("Versions", table(page["versions"])))
    if tree:
        area = f'<textarea id="assistant" readonly aria-label="Markdown">\n{text(markdown(page))}</textarea>'
        words = "The message, the source, the versions and the last save, as Markdown:"
        parts.append(_folded("Text for an assistant", f"<p>{words}</p>{area}"))
    return parts


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def _request(facts: dict[str, Any]) -> str:
    tables = [
        table(facts[key], caption)
        for key, caption in (("query", "Query"), ("form", "Form"), ("headers", "Headers"))
        if facts.get(key)
    ]
    return _folded(f"The request: {facts.get('method', '')} {facts.get('path', '')}", "".join(tables))
