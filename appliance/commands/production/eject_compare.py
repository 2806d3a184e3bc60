"""Compare the answers of the appliance and of the production image to the same requests. Sends nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_HEADERS = ("content-type", "location", "vary", "etag", "cache-control")
_TOKEN = re.compile(rb"\w+|\W")
_TIME = re.compile(rb"\d\d:\d\d:\d\d")
_SHOWN = 80
_FAILED = 500


@dataclass(frozen=True)
class Request:
    """One request to send to both."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def name(self) -> str:
        """The name for people."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """The answer that came back: the names of its headers are in small letters."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def discovered_requests(routes: Iterable[str]) -> list[Request]:
    """Return the requests for a project's paths without parameters, and those that every project answers."""
    paths = dict.fromkeys(["/", *routes, "/no-such-page-of-the-project"])
    return [*(Request("GET", path) for path in paths), Request("HEAD", "/"), Request("POST", "/", body="a=1")]


def recorded_requests(text: str, name: str) -> list[Request]:
    """Return the requests of a file: on each line ``METHOD /path``, or a JSON object with headers and body.

    Raises:
        SettingsError: a line is neither.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            words = dict(zip(("method", "path"), line.split(), strict=False))
            values: dict[str, Any] = json.loads(line) if line.startswith("{") else words
            headers = {str(key): str(value) for key, value in values.get("headers", {}).items()}
            request = Request(str(values["method"]).upper(), str(values["path"]), headers, str(values.get("body", "")))
        except (AttributeError, KeyError, TypeError, ValueError):
            request = Request("", "")
        if not re.fullmatch(r"[A-Z]{1,20}", request.method) or not re.fullmatch(r"/[!-~]*", request.path):
            raise SettingsError(
                f"{name}, line {number}: {line[:_SHOWN]!r} is not a request",
                expected='METHOD /path, or {"method": "POST", "path": "/", "headers": {}, "body": ""}',
                action="Correct the line, or begin it with # to leave it out.",
            )
        found.append(request)
    return found


def differences(first: Answer, again: Answer, other: Answer) -> list[str]:
    """Return how the image's answer differs from the appliance's, ignoring what its own two answers differ in."""
    found = []
    if other.status != first.status and first.status == again.status:
        found.append(f"status: {first.status} here, {other.status} in the image")
    ours, twice, theirs = (_compared(answer) for answer in (first, again, other))
    found += [
        f"{name}: {_shown(ours.get(name))} here, {_shown(theirs.get(name))} in the image"
        for name in sorted({*ours, *theirs})
        if ours.get(name) == twice.get(name) and ours.get(name) != theirs.get(name)
    ]
    if both_failed(first, other):
        return found
    return [*found, *_bodies(first.body, again.body, other.body)]


def both_failed(first: Answer, other: Answer) -> bool:
    """Whether the project itself fails in both: a page about an error names files, processes and remedies."""
    return first.status == other.status >= _FAILED


def _compared(answer: Answer) -> dict[str, str]:
    """Return the headers that matter to a client; of cookies their names alone."""
    found: dict[str, str] = {}
    for name, value in answer.headers:
        if name in _HEADERS or name.startswith("access-control-"):
            found[name] = f"{found[name]}, {value}" if name in found else value
    cookies = sorted(value.partition("=")[0] for name, value in answer.headers if name == "set-cookie")
    return {**found, "set-cookie": ", ".join(cookies)} if cookies else found


def _shown(value: str | None) -> str:
    return "none" if value is None else value[:_SHOWN]


def _bodies(first: bytes, again: bytes, other: bytes) -> Iterator[str]:
    ours, twice, theirs = (_TOKEN.findall(_TIME.sub(b"time", body)) for body in (first, again, other))
    if len(ours) != len(twice):
        return  # its length changes from request to request
    same = [one == two for one, two in zip(ours, twice, strict=True)]
    if len(ours) != len(theirs):
        yield f"body: {len(first)} bytes here, {len(other)} in the image: {_excerpt(ours, theirs, same)}"
    elif any(keeps and one != two for keeps, one, two in zip(same, ours, theirs, strict=True)):
        yield f"body: {_excerpt(ours, theirs, same)}"


def _excerpt(ours: list[bytes], theirs: list[bytes], same: list[bool]) -> str:
    """Return the place of the first difference, on both sides."""
    pairs = enumerate(zip(same, ours, theirs, strict=False))
    place = next((at for at, (keeps, one, two) in pairs if keeps and one != two), min(len(ours), len(theirs)))
    texts = [b"".join(tokens[max(place - 4, 0) : place + 12]).decode("utf-8", "replace") for tokens in (ours, theirs)]
    return f"{texts[0][:_SHOWN]!r} here, {texts[1][:_SHOWN]!r} in the image"
