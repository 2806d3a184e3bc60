"""The exceptions for requests that the server refuses, and the bytes of the error response."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

# Reasons that more than one module gives.
TLS_REASON = "this is TLS, but the port expects plain HTTP"
HEAD_TIMEOUT = "the head did not come in time (RFC 9110, 15.5.9); APPLIANCE_HEADER_TIMEOUT_S sets the time"
LONG_METHOD = "the method is longer than any known (RFC 9112, 3)"
TOO_MANY_STREAMS = "too many streams and WebSockets are open; close some of them, then try again"
TOO_MANY_BODIES = "too many requests wait for their bodies; try again when some of them have ended"
NO_CLIENT = "the client left before the response"
# http.HTTPStatus has RFC 9110's phrases only since Python 3.13.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long"}


class Page(NamedTuple):
    """The page of a refusal: ``content`` is b"" for the usual text, ``fields`` are further header fields."""

    reason_phrase: str
    kind: str = "text/plain; charset=utf-8"
    content: bytes = b""
    fields: tuple[tuple[str, str], ...] = ()


class RequestRefused(Exception):  # noqa: N818  a refusal is an answer to the client, not an error of ours
    """The request can't be served.

    Attributes:
        status: the response's status code.
        reason: one clause that says why, in ASCII, with the section of the RFC if there is one.
        reason_phrase: the reason phrase, if it is not the standard one of the status.
    """

    def __init__(self, status: int, reason: str, reason_phrase: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.reason_phrase = reason_phrase

    @property
    def is_tls(self) -> bool:
        """Whether the client speaks TLS to a port that does not."""
        return self.reason == TLS_REASON


class HostRefused(RequestRefused):
    """The request names a host that is not served: another site's name could lead to this machine."""

    def __init__(self, host: str) -> None:
        reason = f"the host {host!r:.100} is not served here; add it to APPLIANCE_ALLOWED_HOSTS to allow it"
        super().__init__(403, reason)
        self.host = host


def long_fields(most: int) -> str:
    """Return the reason for refusing header fields of more than ``most`` bytes, for 431."""
    return f"the header fields are longer than {most} bytes (RFC 6585, 5); APPLIANCE_MAX_HEADER_BYTES sets the limit"


def too_large(most: int) -> str:
    """Return the reason for refusing a body of more than ``most`` bytes, for 413."""
    return f"the body is larger than {most} bytes (RFC 9110, 15.5.14); APPLIANCE_MAX_BODY_BYTES sets the limit"


class Deferred(RequestRefused):
    """The server has to receive the body before it runs this request; there is no response yet."""

    def __init__(self) -> None:
        super().__init__(0, "its body did not arrive")


class HandshakeFailed(OSError):  # noqa: N818 (as RequestRefused)
    """The TLS handshake failed, or the client does not trust the certificate: no response can be sent."""


def phrase(status: int) -> str:
    """Return the standard reason phrase of a status code; "Unknown" for a code without one."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def reason_phrase(message: str | None) -> str:
    """Return a message as a reason phrase if it can be one (RFC 9112, 4), else ""."""
    return message if message and message.isprintable() and max(message) <= "\xff" else ""


def answer(
    status: int, text: str, *, date: bytes, request_id: str, content: bool = True, page: Page | None = None
) -> bytes:
    """Build a whole plain-text response that closes the connection.

    Args:
        status: the status code.
        text: the cause; the body is the status line's text and this.
        date: the ``Date`` and ``Server`` lines.
        request_id: the id by which the request's log line can be found.
        content: False for a HEAD request: the same head without a body.
        page: the page of a handler's subclass, instead of the standard text.
    """
    reason_phrase, kind, body, fields = page or Page(phrase(status))
    body = body or (f"{status} {reason_phrase}: {text}\n" if text else f"{status} {reason_phrase}\n").encode()
    lines = [
        b"HTTP/1.1 %d %b\r\n" % (status, reason_phrase.encode("latin-1")),
        date,
        b"Content-Type: %b\r\n" % kind.encode("latin-1"),
        b"Content-Length: %d\r\n" % len(body),
        b"X-Request-ID: %b\r\n" % request_id.encode(),
        b"Retry-After: 1\r\n" if status == 503 else b"",
        *(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields),
        b"Connection: close\r\n\r\n",
        body if content else b"",
    ]
    return b"".join(lines)
