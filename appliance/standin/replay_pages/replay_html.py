"""The form with which a request is edited and sent again, and the commands to copy, as HTML."""

from __future__ import annotations

from typing import Any

from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.shown_values import form_text, text
from appliance.standin.posted_form import PAGE_VALUE

_FORMS = {"curl": "curl", "httpie": "HTTPie", "requests": "Python's requests"}


def place_of(number: int, end: str = "") -> str:
    """Return the path of a request's page."""
    return f"{PREFIX}/requests/{number}{f'/{end}' if end else ''}"


def hidden_fields(values: dict[str, str]) -> str:
    """Return hidden fields of a form."""
    return "".join(
        f'<input type="hidden" name="{form_text(name)}" value="{form_text(value)}">' for name, value in values.items()
    )


def replay_bar(number: int, page_value: str, pin: int | None = None) -> str:
    """Return the buttons on a request's page: send it again, edit it first, or run it after each save.

    Args:
        number: of the request.
        page_value: what a page of ours sends with each change.
        pin: the number of its pin; None: it is not pinned.
    """
    own = hidden_fields({PAGE_VALUE: page_value})
    press, label = (place_of(number, "pin"), "Pin") if pin is None else (f"{PREFIX}/pins/{pin}/unpin", "Unpin")
    return (
        f'<div class="bar"><form method="post" action="{place_of(number, "replay")}">{own}'
        '<button data-key="r">Send again</button>'
        f'<a href="{place_of(number, "replay")}">Edit, or copy as a command</a>'
        f'<a href="{place_of(number, "test")}">Write as a test</a></form>'
        f'<form method="post" action="{press}">{own}<button>{label}</button></form></div>'
    )


def question_html(number: int, end: str, fields: dict[str, str], question: str, label: str) -> str:
    """Ask whether to repeat a request whose method is not safe; the form sends the same request."""
    return (
        f'<p>{text(question)}</p><form method="post" action="{place_of(number, end)}">'
        f"{hidden_fields({**fields, 'confirmed': '1'})}<button>{text(label)}</button>"
        f'<a href="{place_of(number)}">Cancel</a></form>'
    )


def edit_html(form: dict[str, Any], edited: dict[str, str], page_value: str) -> str:
    """Return the form; what was edited before stands in it."""
    fields = "\n".join(f"{name}: {value}" for name, value in form["fields"])
    method, target = edited.get("method", form["method"]), edited.get("target", form["target"])
    body = edited.get("body", form["body"] or "")
    rows = min(max(len(form["fields"]), 4), 20)
    memory = (
        "Masked values (********) are filled in from memory."
        if form["in_memory"]
        else "The request is no longer in memory: fields and values that are masked are left out."
    )
    is_shown = form["body"] is not None or not form["has_body"]
    content = (
        '<label class="wide">Body<textarea name="body" rows="8" spellcheck="false">\n'
        f"{form_text(body)}</textarea></label>"
        if is_shown
        else f"<p>The body is sent as it was received: {text(form['body_note'] or 'a form with its files')}.</p>"
    )
    return (
        f'<section id="edit"><h2>Edit</h2><p>{memory}</p>'
        f'<form method="post" action="{place_of(form["number"], "replay")}">{hidden_fields({PAGE_VALUE: page_value})}'
        f'<label>Method <input name="method" size="8" value="{form_text(method)}" required></label>'
        f'<label class="wide">Target <input name="target" value="{form_text(target)}" required></label>'
        f'<label class="wide">Fields<textarea name="fields" rows="{rows}" spellcheck="false">\n'
        f"{form_text(edited.get('fields', fields))}</textarea></label>{content}<button>Send</button></form></section>"
    )


def copies_html(number: int, copies: dict[str, str], page_value: str, *, secret: bool, in_memory: bool) -> str:
    """Return the commands, each with a button that copies it."""
    parts = []
    for name, command in copies.items():
        label = _FORMS[name]
        parts.append(
            f'<h3>{label}</h3><pre id="copy-{name}" tabindex="0" role="region" aria-label="{label}">{text(command)}'
            f'</pre><button type="button" data-copy="copy-{name}" hidden>Copy {label}</button>'
        )
    if secret:
        lead = "<p>With the values that were received, secrets included.</p>"
    elif in_memory:
        lead = (
            "<p>Values that are masked have a name in angle brackets.</p>"
            f'<form method="post" action="{place_of(number, "copy")}">{hidden_fields({PAGE_VALUE: page_value})}'
            "<button>Show them with the secrets</button></form>"
        )
    else:
        lead = "<p>Values that are masked have a name in angle brackets.</p>"
    return f'<section id="copies"><h2>As a command</h2>{lead}{"".join(parts)}</section>'
