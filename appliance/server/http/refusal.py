"""A request that is not served, and the answer that says why.

Owns the words and bytes of a refusal; knows nothing of how it was noticed. Used by the server in whatever process it
runs.
"""

from __future__ import annotations

from http import HTTPStatus

Page = tuple[str, str, bytes]  # reason phrase, Content-Type, content; no content: the usual
TLS_REASON = "this is TLS, on a port that is not"


class Refused(Exception):  # noqa: N818 (a refusal is an answer, not an error of ours)
    """This is no request that can be served.

    Attributes:
        status: the answer's status code.
        reason: one clause that says why, ASCII, with the section of the RFC where there is one.
        words: the reason phrase, where it is not the status's own.
    """

    def __init__(self, status: int, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.words = words

    @property
    def is_tls(self) -> bool:
        """The client speaks TLS to a port that does not."""
        return self.reason == TLS_REASON


class Deferred(Refused):
    """This request is served once its body has come: it has no answer yet."""

    def __init__(self) -> None:
        super().__init__(0, "its body has not come")


class HandshakeFailed(OSError):  # noqa: N818 (as Refused)
    """The client and we could not agree on TLS, or it does not trust the certificate: there is nobody to answer to."""


# http.HTTPStatus has RFC 9110's phrases only since Python 3.13.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long"}


def phrase(status: int) -> str:
    """The reason phrase of a status code; an invented code has none."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def answer(
    status: int, text: str, *, date: bytes, request_id: str, content: bool = True, page: Page | None = None
) -> bytes:
    """A whole response of plain text, after which the connection closes.

    Args:
        status: its code.
        text: why; it is the body, with the status before it.
        date: the ``Date`` and ``Server`` lines.
        request_id: what its line is found by.
        content: False for a HEAD request: the same head, no body.
        page: a subclass's own words instead.
    """
    words, kind, body = page or (phrase(status), "text/plain; charset=utf-8", b"")
    body = body or (f"{status} {words}: {text}\n" if text else f"{status} {words}\n").encode()
    lines = [
        b"HTTP/1.1 %d %b\r\n" % (status, words.encode("latin-1")),
        date,
        b"Content-Type: %b\r\n" % kind.encode("latin-1"),
        b"Content-Length: %d\r\n" % len(body),
        b"X-Request-ID: %b\r\n" % request_id.encode(),
        b"Retry-After: 1\r\n" if status == 503 else b"",
        b"Connection: close\r\n\r\n",
        body if content else b"",
    ]
    return b"".join(lines)
