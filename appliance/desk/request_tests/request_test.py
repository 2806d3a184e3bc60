"""Write a recorded request as a test: for Django's client, Flask's, or a plain WSGI application. Pure: it makes a text.

The test is made of the masked record alone. It runs under unittest, Django's runner and pytest. It holds what does not
depend on the current data: status, type of the content, names of the members of a JSON object, title of a page.

Decision 60 says why.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.desk.content_decoding import charset_of
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sent_request import ReplayError
from appliance.masking import MASKED

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = re.compile(r"(?i)accept(?:-language)?|content-type|authorization|cookie|if-.+|range|x-.+|.+-token")
_LEFT = re.compile(r"(?i)x-forwarded-.+|x-real-ip|x-request-id")
_TITLE = re.compile(r"(?is)<title>\s{0,100}([^<>{}\n]{1,200}?)\s{0,100}</title>")
_NAME = re.compile(r"[^a-z0-9]+")
_PLACEHOLDER = "FILL_IN"
_MEMBERS_MAX = 40
_PART = re.compile(r"<(what|number|class|name|method|target|body|import|json|checks|filled|fields|type)>")


@dataclass(frozen=True)
class RequestTest:
    """A test: a name for its file, its text, how it is run, and what has to be filled in by hand."""

    file_name: str
    text: str
    command: str
    missing: list[str] = field(default_factory=list)


def request_test(found: Mapping[str, Any], application: str, framework: str) -> RequestTest:
    """Return the test of a request.

    Args:
        found: the request, as ``questions.request`` returns it.
        application: its name, as in the event ``project.found``.
        framework: as there.

    Raises:
        ReplayError: its head was not recorded, or its response has a status of the server's errors.
    """
    shown = Shown.of(found)
    if not found["status"] or found["status"] >= 500:
        raise ReplayError(
            "The project has failed at this request.", action="Correct it first: a test must not hold an error."
        )
    name = _NAME.sub("_", f"{shown.method} {shown.target.partition('?')[0]}".lower()).strip("_")[:60] or "request"
    kind = "django" if framework == "Django" else "flask" if framework == "Flask" else "wsgi"
    missing: list[str] = []
    parts = {
        "what": _docstring(f"{shown.method} {shown.target.partition('?')[0]}"[:80]),
        "number": str(found["id"]),
        "class": "Recorded" + "".join(part.capitalize() for part in name.split("_")),
        "name": name,
        "method": repr(shown.method),
        "target": repr(_filled(shown.target, "parameter of the target", missing)),
        "body": repr(_body(shown, missing)),
        "import": _import(application),
        "checks": _checks(found, kind),
        "filled": "",
    }
    parts["json"] = ("import json\n\n" if kind == "django" else "import json\n") * ("json.loads(" in parts["checks"])
    fields = [
        (name, _filled(value, f"field {name}", missing))
        for name, value in shown.fields
        if _KEPT.fullmatch(name) and not _LEFT.fullmatch(name)
    ]
    parts["fields"] = _fields(fields, kind)
    parts["type"] = repr(next((value for name, value in fields if name.lower() == "content-type"), ""))
    if missing:
        names = "".join(each for each in ", ".join(dict.fromkeys(missing)) if each.isprintable())
        parts["filled"] = f"\n# The record has these values only masked; replace each {_PLACEHOLDER}: {names}.\n"
    text = _PART.sub(lambda part: parts[part[1]], _TEMPLATES[kind])  # once: a value may look like a part
    command = "python manage.py test" if kind == "django" else "python -m unittest"
    return RequestTest(f"test_recorded_{name}.py", text, command, list(dict.fromkeys(missing)))


def _docstring(text: str) -> str:
    """Return a text as it stands in a docstring: in ASCII, since Python 3.13 refuses half a character there."""
    return ascii(text.replace('"', "'").encode("ascii", "backslashreplace").decode())[1:-1]


def _filled(value: str, name: str, missing: list[str]) -> str:
    if MASKED in value:
        missing.append(name)
    return value.replace(MASKED, _PLACEHOLDER)


def _body(shown: Shown, missing: list[str]) -> bytes:
    if not shown.has_body:
        return b""
    if shown.body is None or shown.cut:
        missing.append("body")
        return _PLACEHOLDER.encode()
    kind = next((value for name, value in shown.fields if name.lower() == "content-type"), "")
    return _filled(shown.body, "body", missing).encode(charset_of(kind), "replace")


def _fields(fields: list[tuple[str, str]], kind: str) -> str:
    if kind == "flask":
        pairs = [f"({name!r}, {value!r})" for name, value in fields]
        return f"[{', '.join(pairs)}]"
    joined: dict[str, str] = {}  # as servers give them to an application (RFC 9110, 5.3; RFC 6265, 5.4)
    for name, value in fields:
        key, low = "HTTP_" + name.upper().replace("-", "_"), name.lower()
        if low != "content-type":
            joined[key] = f"{joined[key]}{'; ' if low == 'cookie' else ', '}{value}" if key in joined else value
    pairs = [f"{name!r}: {value!r}" for name, value in joined.items()]
    return f"{{{', '.join(pairs)}}}"


def _import(application: str) -> str:
    """Return the lines that import the application as ``application``."""
    path, colon, attribute = application.partition(":")
    module = path.removesuffix(".py").replace("/", ".")
    called = attribute.endswith("()")
    attribute = attribute.removesuffix("()")
    if not all(map(_is_name, module.split("."))):
        module, colon = "app", ""
    if not colon or not _is_name(attribute):
        return f"from {module} import app as application  # name the application here, if it is another one"
    if called:
        return f"from {module} import {attribute}\n\napplication = {attribute}()"
    return f"from {module} import {attribute}" + ("" if attribute == "application" else " as application")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _checks(found: Mapping[str, Any], kind: str) -> str:
    """Return the lines that check the response."""
    details = found["details"]
    named = {name.lower(): value for name, value in details["response_fields"]}
    status = "response.status_code" if kind != "wsgi" else "status"
    lines = [f"self.assertEqual({status}, {int(found['status'] or 0)})"]
    content_type = named.get("content-type", "")
    if content_type and MASKED not in content_type:
        get = "response.headers.get" if kind != "wsgi" else "fields.get"
        key = "Content-Type" if kind != "wsgi" else "content-type"
        lines.append(f'self.assertEqual({get}("{key}"), {content_type!r})')
    location = named.get("location", "")
    if location.startswith("/") and MASKED not in location:
        get = 'response.headers.get("Location")' if kind != "wsgi" else 'fields.get("location")'
        lines.append(f"self.assertEqual({get}, {location!r})")
    if found["status"] >= 400:  # a page of errors depends on the settings
        return "\n        ".join(lines)
    content = {"django": "response.content", "flask": "response.data", "wsgi": "content"}[kind]
    lines += _content_checks(details["content"] or "", content, is_whole=not details["content_note"])
    return "\n        ".join(lines)


def _content_checks(text: str, content: str, *, is_whole: bool) -> list[str]:
    try:
        value = json.loads(text) if is_whole else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and 0 < len(value) <= _MEMBERS_MAX:
        return [f"self.assertEqual(sorted(json.loads({content})), {sorted(map(str, value))!r})"]
    if isinstance(value, list):
        return [f"self.assertIsInstance(json.loads({content}), list)"]
    title = _TITLE.search(text)
    if title is not None and MASKED not in title[1]:
        return [f"self.assertIn({title[1].encode('utf-8', 'replace')!r}, {content})"]
    return []


_HEAD = '''"""<what>: request <number> of the appliance's desk, as a test."""

'''
_TEMPLATES = {
    "django": _HEAD
    + """<json>from django.test import TestCase
<filled>

class <class>Test(TestCase):
    def test_<name>(self):
        fields = <fields>
        response = self.client.generic(<method>, <target>, <body>, content_type=<type>, **fields)
        <checks>
""",
    "flask": _HEAD
    + """<json>import unittest

<import>
<filled>

class <class>Test(unittest.TestCase):
    def test_<name>(self):
        fields = <fields>
        response = application.test_client().open(<target>, method=<method>, headers=fields, data=<body>)
        <checks>


if __name__ == "__main__":
    unittest.main()
""",
    "wsgi": _HEAD
    + '''import io
<json>import unittest
from urllib.parse import unquote_to_bytes
from wsgiref.util import setup_testing_defaults

<import>
<filled>

def answer(method, target, fields, body, content_type):
    """Call the application; return the status, the fields by lower-case name, and the content."""
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type, "wsgi.input": io.BytesIO(body), **fields,
    }
    setup_testing_defaults(environ)
    started = []
    parts = application(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    try:
        content = b"".join(parts)
    finally:
        getattr(parts, "close", lambda: None)()
    status, headers = started[-1]
    return int(status[:3]), {name.lower(): value for name, value in headers}, content


class <class>Test(unittest.TestCase):
    def test_<name>(self):
        fields = <fields>
        status, fields, content = answer(<method>, <target>, fields, <body>, <type>)
        <checks>


if __name__ == "__main__":
    unittest.main()
''',
}
