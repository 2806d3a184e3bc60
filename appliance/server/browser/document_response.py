"""One response that a browser navigates to; it gets the script if it is a whole HTML document.

Imported at the first navigation: compiling its patterns takes 3 ms, which would slow down each cold start.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from wsgiref.headers import Headers

from ..http.response.content import not_bytes
from .insertion import Insertion, changed_fields, encoding_of, readable_coding
from .policy import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Fields = list[tuple[str, str]]
    Tag = Callable[[str], bytes]


def readable(accepted: str) -> str:
    """Return the codings of an Accept-Encoding (RFC 9110, 12.5.3) that a script can go into; identity if none can."""
    codings = (each.strip() for each in accepted.split(","))
    return ", ".join(each for each in codings if readable_coding(each.partition(";")[0].strip())) or "identity"


def added_to_page(tag: Tag, fields: Fields, content: bytes) -> tuple[Fields, bytes]:
    """Add the script to a page that the server itself answers with; return its fields and content."""
    insertion, nonce = _insertion(tag, fields, "identity")
    out = insertion.feed(content) + insertion.end()
    return changed_fields(fields, len(out) - len(content), nonce), out


def _insertion(tag: Tag, fields: Fields, encoding: str, *, navigated: bool = False) -> tuple[Insertion, str]:
    """Return the insertion for a response with these fields, and the nonce of its script."""
    policed = any(name.lower() in NAMES for name, _ in fields)
    nonce = os.urandom(12).hex() if policed else ""
    return Insertion(tag(nonce), encoding, navigated=navigated), nonce


class DocumentResponse:
    """One response that may get the script. Its head waits for the first bytes of its body.

    Attributes:
        passes: the response is not a document; the server has its head already.
        status, headers, headers_sent: the head as the application gave it, whether the server has it already or not.
            Code that adds advice to an error reads these, and other attributes of the server's run.
    """

    def __init__(self, tag: Tag, start_response: Callable[..., Any], *, navigated: bool = False) -> None:
        self._tag = tag
        self._navigated = navigated
        self._start = start_response
        self._write: Callable[[bytes], object] | None = None
        self._given: tuple[Any, ...] | None = None
        self._insertion: Insertion | None = None
        self._nonce = ""
        self.passes = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._start.__self__, name)  # type: ignore[attr-defined]  # the server's run of this request

    @property
    def headers_sent(self) -> bool:
        """Whether any byte has gone to the client."""
        return self._given is None and bool(self._start.__self__.headers_sent)  # type: ignore[attr-defined]

    @property
    def status(self) -> str | None:
        """The status line; None before the application has given one."""
        return self._given[0] if self._given is not None else self._start.__self__.status  # type: ignore[attr-defined,no-any-return]

    @property
    def headers(self) -> Any:
        """The header fields, as wsgiref has them."""
        return Headers(list(self._given[1])) if self._given is not None else self._start.__self__.headers  # type: ignore[attr-defined]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        """PEP 3333's ``start_response``, as the application sees it."""
        given = (status, headers) if exc_info is None else (status, headers, exc_info)
        encoding = None
        if self._write is None and (self._given is None or exc_info is not None):
            encoding = _encoding(status, headers)
        if encoding is None:  # also a second call, or a malformed head, which the server must refuse
            self.passes = True
            self._write = self._start(*given)
            return self._write
        self._given = given
        self._insertion, self._nonce = _insertion(self._tag, headers, encoding, navigated=self._navigated)
        return self.write

    def write(self, data: bytes) -> None:
        """PEP 3333's ``write``."""
        out = self.feed(data)
        if out and self._write is not None:
            self._write(out)

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the body; return the bytes that may be sent now. The head is sent before them.

        Raises:
            ApplicationFault: the piece is not bytes.
        """
        if self.passes or self._insertion is None:
            return data
        if type(data) is not bytes:
            raise not_bytes(data)
        out = self._insertion.feed(data)
        if out:
            self._begin()
        return out

    def end(self) -> bytes:
        """Return the last bytes: the body has ended."""
        if self.passes or self._insertion is None:
            return b""
        out = self._insertion.end()
        self._begin()
        return out

    def whole(self, body: bytes) -> list[bytes]:
        """Send the head, and return the whole body."""
        insertion = self._insertion
        if insertion is None:
            return [body]
        out = insertion.feed(body) + insertion.end()
        self._begin(len(out) - len(body))
        return [out]

    def _begin(self, added: int | None = None) -> None:
        """Give the server the head, once it is known whether the body gets the script."""
        insertion = self._insertion
        if self._write is not None or self._given is None or insertion is None:
            return
        status, headers, *rest = self._given
        if insertion.is_certain:
            headers = changed_fields(headers, insertion.added if added is None else added, self._nonce)
        self._given = None  # otherwise a traceback's frames refer to themselves
        self._write = self._start(status, headers, *rest)


def _encoding(status: str, headers: Any) -> str | None:
    """Return the content's encoding, as ``encoding_of``; None for a malformed head, which the server will report."""
    try:
        return encoding_of(int(status[:3]), headers)
    except (TypeError, ValueError, AttributeError):
        return None


class DocumentStream:
    """The pieces of an iterable, in their order, with the script inserted."""

    def __init__(self, response: DocumentResponse, result: Iterable[bytes]) -> None:
        self._response = response
        self._result = result

    def __iter__(self) -> Iterator[bytes]:
        response = self._response
        for data in self._result:
            out = response.feed(data)
            if out:
                yield out
        out = response.end()
        if out:
            yield out

    def close(self) -> None:
        """Call the iterable's own ``close``, also after an error (PEP 3333)."""
        close = getattr(self._result, "close", None)
        if close is not None:
            close()
