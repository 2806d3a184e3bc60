"""Describe a request for an error page: method, path, query, headers, form; bounded, without its secrets.

Runs in the worker, after an exception. The form is what a framework has already read: the body itself is gone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ....masking import MASKED, SECRET
from ..tracebacks import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Pairs = list[list[str]]

MAX_PAIRS = 60
MAX_VALUE = 500
_SECRET_FIELDS = frozenset({"authorization", "proxy-authorization", "x-api-key", "x-auth-token", "x-csrftoken"})
_SECRET_NAME = re.compile(r"csrf|session|otp|pin$|cvv|cvc|iban|ssn", re.IGNORECASE)


def request_facts(environ: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """Return the page's facts about the request, as JSON values."""
    query = _text(environ.get("QUERY_STRING"))
    target = _text(environ.get("REQUEST_URI")).partition("?")[0] or (
        _text(environ.get("SCRIPT_NAME")) + _text(environ.get("PATH_INFO"))
    )
    try:
        asked = parse_qsl(query[:65_536], keep_blank_values=True, max_num_fields=1000)
    except ValueError:  # more fields
        asked = []
    found: dict[str, Any] = {
        "method": shorten(_text(environ.get("REQUEST_METHOD")), 40),
        "path": shorten(mask(target), 2000),
        "query": _pairs(asked, mask),
        "headers": _pairs(_headers(environ), mask),
    }
    form = _pairs(_form(environ), mask)
    return found | ({"form": form} if form else {})


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _headers(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in environ.items():
        if type(key) is not str or type(value) is not str or not value:
            continue
        if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} or key.startswith("HTTP_"):
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            yield name, _cookies(value) if name == "Cookie" else value


def _cookies(value: str) -> str:
    """Mask each cookie's value: a reader of the page could take over the session."""
    return "; ".join(f"{part.partition('=')[0].strip()}={MASKED}" for part in value.split(";") if part.strip())


def _form(environ: Mapping[str, Any]) -> Iterable[tuple[Any, Any]]:
    """Return the fields of a form that a framework has parsed and keeps: Werkzeug's, Django's, Bottle's, WebOb's."""
    try:
        werkzeug = environ.get("werkzeug.request")
        if werkzeug is not None:
            parsed = vars(werkzeug).get("form")
            return list(parsed.items(multi=True)) if parsed is not None else []
        for key in ("bottle.request.post", "bottle.request.forms"):
            if key in environ:
                return list(environ[key].allitems())
        webob = environ.get("webob._parsed_post_vars")
        if webob is not None:
            return list(webob[0].items())
        return list(environ.get("appliance.form", ()))  # Django's
    except Exception:  # noqa: BLE001  objects of another version of the framework
        return []


def _pairs(pairs: Iterable[tuple[Any, Any]], mask: Callable[[str], str]) -> Pairs:
    found: Pairs = []
    for name, value in pairs:
        if len(found) >= MAX_PAIRS:
            found.append(["...", "(more are left out)"])
            break
        key = shorten(_text(name), 200)
        text = _text(value) if type(value) is str else f"<{type(value).__name__}>"
        secret = key.lower() in _SECRET_FIELDS or SECRET.search(key.replace("-", "_")) or _SECRET_NAME.search(key)
        found.append([key, MASKED if secret and text else shorten(mask(text), MAX_VALUE)])
    return found
