"""Ask a running appliance's desk as its own pages do."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.live.live_appliance import Appliance


def asked(appliance: Appliance, page: str, **fields: str) -> dict[str, Any]:
    """Return a page as JSON."""
    found: dict[str, Any] = json.loads(appliance.get(f"/__appliance__/{page}", **fields)[1])
    return found


def newest(appliance: Appliance, path: str, count: int = 1) -> int:
    """Wait until so many requests for this path are recorded; return the number of one, the last if there are many."""
    numbers: list[int] = []
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
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
