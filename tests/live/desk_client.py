"""Ask a running appliance's desk as its own pages do."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.live.live_appliance import Appliance


def asked(appliance: Appliance, page: str, **fields: str) -> dict[str, Any]:
    """Return a page as JSON."""
    found: dict[str, Any] = json.loads(appliance.get(f"/__appliance__/{page}", **fields)[1])
    return found


def connected(appliance: Appliance, certificate: Path | None = None) -> HTTPConnection:
    """A connection to the appliance; with a certificate it is HTTPS."""
    if certificate is None:
        return HTTPConnection("127.0.0.1", appliance.port, timeout=60)
    context = ssl.create_default_context(cafile=str(certificate))
    return HTTPSConnection("localhost", appliance.port, timeout=60, context=context)


@contextlib.contextmanager
def pins_as_they_come(appliance: Appliance, certificate: Path | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    """Return the messages about pins in the stream of the pages, from now on."""
    connection = connected(appliance, certificate)
    connection.request("GET", "/__appliance__/events")
    response = connection.getresponse()
    assert response.readline().startswith(b"retry")

    def pins() -> Iterator[dict[str, Any]]:
        name = b""
        for line in response:
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"pin" and b'"checking"' not in line:
                yield json.loads(line[6:])

    yield pins()
    response.close()
    connection.close()


def newest(appliance: Appliance, path: str, count: int = 1, certificate: Path | None = None) -> int:
    """Wait until so many requests for this path are recorded; return the number of one, the last if there are many."""
    numbers: list[int] = []
    connection = connected(appliance, certificate)
    try:
        while True:  # until the recorder has begun
            connection.request("GET", "/__appliance__/requests/stream?limit=500&after=0")
            response = connection.getresponse()
            if response.readline().startswith(b"retry") and response.readline() == b"\n" and response.peek(1):
                break
            connection.close()
        for line in response:
            if line.startswith(b"data: "):
                numbers += [each["id"] for each in json.loads(line[6:]) if each["path"] == path]
                if len(numbers) >= count:
                    return max(numbers)
        raise AssertionError(f"the stream has ended before {path}")
    finally:
        connection.close()


def posted(appliance: Appliance, page: str, form: dict[str, str], **changed: str) -> tuple[int, dict[str, Any]]:
    """Post a form as a page of the appliance does; return the status, and the answer as JSON.

    ``changed``: fields of the head that differ from that.
    """
    origin = f"http://localhost:{appliance.port}"
    fields = {
        "Host": f"localhost:{appliance.port}", "Origin": origin, "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **changed,
    }  # fmt: skip
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=60)
    connection.request("POST", f"/__appliance__/{page}", body=urlencode(form), headers=fields)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, json.loads(content) if content[:1] == b"{" else {"text": content.decode()}


def details_of(appliance: Appliance, number: int) -> dict[str, Any]:
    """The details of a recorded request: they come on another way than its line, and may come later."""
    found = None
    while found is None:
        found = asked(appliance, f"requests/{number}")["details"]
    details: dict[str, Any] = found
    return details
