"""Answers that are not documents for a navigation have the same bytes on the wire with and without live reload."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from appliance.server.browser.live_reload import LiveReload
from appliance.server.pool.pool import PooledWSGIServer
from tests.server.served import Recorder, post

PAGE = b"<!doctype html><html><head><title>t</title></head><body>" + b"x" * 5_000 + b"</body></html>"
FRAGMENT = b"<li>one</li><li>two</li>"
JSON = b'{"html": "<!doctype html><html><head>"}'
BODIES = {"page": PAGE, "fragment": FRAGMENT, "json": JSON, "empty": b"", "binary": bytes(range(256)) * 20}
TYPES = ["text/html; charset=utf-8", "text/html", "application/json", "text/plain", "image/svg+xml", "text/css", ""]
CODINGS = {"identity": bytes, "gzip": lambda data: gzip.compress(data, mtime=0), "deflate": zlib.compress, "br": bytes}
SHAPES = ["list", "stream", "chunks without a length", "write"]
STATUSES = ["200 OK", "206 Partial Content", "304 Not Modified", "404 Not Found"]
FIELDS = {
    "a fetch": ["Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: cors"],
    "htmx": ["Sec-Fetch-Dest: empty", "HX-Request: true"],
    "a frame": ["Sec-Fetch-Dest: iframe", "Sec-Fetch-Mode: navigate"],
    "curl": [],
    "a navigation": ["Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate"],
    "a range": ["Sec-Fetch-Dest: document", "Range: bytes=0-99"],
}


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer as the query says."""
    body, kind, coding, shape, status = environ["QUERY_STRING"].replace("%20", " ").split("|")
    content = CODINGS[coding](BODIES[body])
    if status[:3] == "304":
        content = b""
    headers = [("Content-Type", TYPES[int(kind)])] if TYPES[int(kind)] and status[:3] != "304" else []
    headers += [("ETag", '"tag"'), ("Accept-Ranges", "bytes"), ("X-Own", "1")]
    if coding != "identity":
        headers.append(("Content-Encoding", coding))
    if shape != "chunks without a length":
        headers.append(("Content-Length", str(len(content))))
    write = start_response(status, headers)
    if shape == "write":
        write(content)
        return []
    if shape == "list":
        return [content]
    return (content[at : at + 700] for at in range(0, len(content), 700))


class Two:
    """The application, served with live reload and without."""

    def __init__(self, stack: ExitStack) -> None:
        self.addresses = []
        for each in (app, LiveReload(app, 3, "0a1b")):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server = PooledWSGIServer(listener, each, sink=Recorder())
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.stop)
            self.addresses.append(listener.getsockname())

    def answers(self, request: bytes) -> list[bytes]:
        """The two servers' responses to a request that ends its connection, without parts that differ in any two."""
        found = []
        for address in self.addresses:
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(request)
                data = b"".join(iter(lambda: connection.recv(65_536), b""))
            head, end, body = data.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.startswith((b"Date:", b"X-Request-ID:"))]
            found.append(b"\r\n".join(lines) + end + body)
        return found


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    """A server with live reload, and one without."""
    with ExitStack() as stack:
        yield Two(stack)


def request(query: str, fields: list[str], method: str = "GET") -> bytes:
    """A request for what the query describes."""
    lines = [f"{method} /?{query.replace(' ', '%20')} HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("fields", ["a fetch", "htmx", "a frame", "curl", "a range"])
def test_an_answer_to_no_navigation_is_untouched(two: Two, fields: str):
    """Any other answer of the application is not changed, in each form."""
    for body, coding, shape in itertools.product(BODIES, CODINGS, SHAPES):
        kind = TYPES.index("application/json") if body == "json" else 0
        asked = request(f"{body}|{kind}|{coding}|{shape}|200 OK", FIELDS[fields])
        plain, reloading = two.answers(asked)
        assert reloading == plain, asked


@pytest.mark.parametrize("kind", range(2, len(TYPES)))
def test_a_navigation_to_other_content_than_html_is_untouched(two: Two, kind: int):
    """JSON, text, images and styles that a person opens in a tab, also where they look like a document."""
    for body, coding, shape in itertools.product(BODIES, CODINGS, SHAPES):
        asked = request(f"{body}|{kind}|{coding}|{shape}|200 OK", FIELDS["a navigation"])
        plain, reloading = two.answers(asked)
        assert reloading == plain, asked


@pytest.mark.parametrize("status", STATUSES[1:3])
def test_a_part_of_a_document_is_untouched(two: Two, status: str):
    """A part of a document, and no document at all, are the application's."""
    for coding, shape in itertools.product(CODINGS, SHAPES):
        asked = request(f"page|0|{coding}|{shape}|{status}", FIELDS["a navigation"])
        plain, reloading = two.answers(asked)
        assert reloading == plain, asked


@pytest.mark.parametrize("body", ["empty", "json", "binary"])
def test_a_navigation_to_false_html_is_untouched(two: Two, body: str):
    """JSON, binary content and nothing at all keep their bytes under the name of HTML."""
    for coding, shape in itertools.product(CODINGS, SHAPES):
        asked = request(f"{body}|0|{coding}|{shape}|200 OK", FIELDS["a navigation"])
        plain, reloading = two.answers(asked)
        assert reloading.partition(b"\r\n\r\n")[2] == plain.partition(b"\r\n\r\n")[2], asked


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT"])
def test_head_and_put_get_no_script(two: Two, method: str):
    """HEAD has no body to hold a script; and nobody navigates by PUT."""
    for shape in SHAPES:
        plain, reloading = two.answers(request(f"page|0|identity|{shape}|200 OK", FIELDS["a navigation"], method))
        assert reloading == plain


def test_an_answer_to_a_form_is_untouched(two: Two):
    """A page that answers a POST is the application's: loading it again would send the form again."""
    query = "/?page|0|identity|list|200%20OK"
    plain, reloading = two.answers(post(b"a=1", "Connection: close", *FIELDS["a navigation"], path=query))
    assert reloading == plain


def test_only_the_reloading_server_adds_the_script(two: Two):
    """A document that a browser navigates to has the script, or the other tests would prove nothing."""
    plain, reloading = two.answers(request("page|0|identity|list|200 OK", FIELDS["a navigation"]))
    assert (b"client.js" in plain, b"client.js" in reloading) == (False, True)
