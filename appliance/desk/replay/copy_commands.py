"""A request as a command to copy: curl, HTTPie, or Python's requests; each value quoted exactly.

curl sends the same bytes. HTTPie and requests escape a few characters of a target, such as brackets, and requests
resolves dots in a path, and names itself where the request names no user agent.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.masking import MASKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.desk.replay.sent_request import SentRequest

_TRANSFER = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding", "upgrade"})
_CURLS_OWN = ("Accept", "User-Agent")
_REQUESTS_OWN = ("Accept", "Accept-Encoding", "Connection", "User-Agent")
_JOIN = " \\\n  "


def copies(request: SentRequest, *, secure: bool) -> dict[str, str]:
    """Return the request in each form; what is masked in it becomes a placeholder."""
    made = with_placeholders(request)
    scheme = "https" if secure else "http"
    url = f"{scheme}://{made.value('host') or 'localhost'}{made.target}"
    return {name: make(made, url) for name, make in _FORMS.items()}


def with_placeholders(request: SentRequest) -> SentRequest:
    """Return the request with a name in angle brackets for each masked value."""
    fields = tuple((name, _named(name, value)) for name, value in request.fields)
    body = request.body.replace(MASKED.encode(), b"<value>")
    return replace(request, fields=fields, target=request.target.replace(MASKED, "<value>"), body=body)


def _named(name: str, value: str) -> str:
    if MASKED not in value:
        return value
    if name.lower() != "cookie":
        return value.replace(MASKED, f"<{name}>")
    pairs = (each.partition("=") for each in value.split(";"))
    return ";".join(f"{each}{sign}{text.replace(MASKED, f'<{each.strip()}>')}" for each, sign, text in pairs)


def _fields(request: SentRequest) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.fields if name.lower() not in _TRANSFER]


def _text(body: bytes) -> str | None:
    """Return a body that a shell can hold as an argument, and a page can show as it is; None if they can't.

    A page shows the carriage returns of a multipart body, or a soft hyphen, in another way: they would not be copied.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(each.isprintable() or each in "\n\t" for each in text) else None


def _as_utf8(value: str) -> str:
    """Return a field's value whose bytes in UTF-8, as a shell passes them on, are those that were received."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _printf(body: bytes) -> str:
    """Return a command that writes these bytes in any POSIX shell."""
    octal = "".join(f"\\{each:03o}" for each in body)
    return f"printf '{octal}' | "


def _curl(request: SentRequest, url: str) -> str:
    fields = _fields(request)
    named = {name.lower() for name, _ in fields}
    default = "POST" if request.body else "GET"
    parts = [f"curl --globoff --path-as-is {shlex.quote(url)}"]
    if request.method == "HEAD":
        parts.append("--head")
    elif request.method != default:
        parts.append(f"-X {shlex.quote(request.method)}")
    lines = [f"{name}: {_as_utf8(value)}" if value else f"{name};" for name, value in fields]
    parts += [f"-H {shlex.quote(line)}" for line in lines]
    own = (*_CURLS_OWN, "Content-Type") if request.body else _CURLS_OWN
    parts += [f"-H '{name}:'" for name in own if name.lower() not in named]
    if "accept-encoding" in named:
        parts.append("--compressed")
    if not request.body:
        return _JOIN.join(parts)
    text = _text(request.body)
    if text is None:
        return _printf(request.body) + _JOIN.join([*parts, "--data-binary @-"])
    return _JOIN.join([*parts, f"--data-raw {shlex.quote(text)}"])


def _httpie(request: SentRequest, url: str) -> str:
    fields = _fields(request)
    named = {name.lower() for name, _ in fields}
    text = _text(request.body)
    parts = [f"{shlex.quote(request.method)} {shlex.quote(url)}"]
    parts += [shlex.quote(_item(name, _as_utf8(value))) for name, value in fields]
    own = ("Accept", "Accept-Encoding", "User-Agent", *(("Content-Type",) if request.body else ()))
    parts += [f"{name}:" for name in own if name.lower() not in named]
    # Options come first: HTTPie takes what follows the URL for fields.
    if not request.body:
        return _JOIN.join([f"http --path-as-is --ignore-stdin {parts[0]}", *parts[1:]])
    if text is None:
        return _printf(request.body) + _JOIN.join([f"http --path-as-is {parts[0]}", *parts[1:]])
    return _JOIN.join([f"http --path-as-is --ignore-stdin --raw={shlex.quote(text)}", *parts])


def _item(name: str, value: str) -> str:
    """Return a field as an argument of HTTPie: ``:=`` and ``:@`` would mean something else."""
    if not value:
        return f"{name};"
    return f"{name}:\\{value}" if value[0] in "=@:" else f"{name}:{value}"


def _requests(request: SentRequest, url: str) -> str:
    joined: dict[str, str] = {}
    for name, value in _fields(request):
        earlier = next((each for each in joined if each.lower() == name.lower()), None)
        if earlier is None:
            joined[name] = value
        else:
            joined[earlier] += ("; " if name.lower() == "cookie" else ", ") + value
    named = {name.lower() for name in joined}
    lines = [f"    {name!r}: {value!r}," for name, value in joined.items()]
    lines += [f"    {name!r}: None," for name in _REQUESTS_OWN if name.lower() not in named]
    arguments = [repr(request.method), repr(url), "headers=headers", "allow_redirects=False"]
    if request.body:
        arguments.insert(3, f"data={request.body!r}")
    return "\n".join(
        [
            "import requests", "", "headers = {", *lines, "}",
            f"response = requests.request({', '.join(arguments)})", "print(response.status_code, response.text)",
        ]
    )  # fmt: skip


_FORMS: dict[str, Callable[[SentRequest, str], str]] = {"curl": _curl, "httpie": _httpie, "requests": _requests}
