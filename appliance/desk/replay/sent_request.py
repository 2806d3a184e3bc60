"""A request as it is sent again: its parts, how they are read from a head, and its bytes.

Texts of a head are Latin-1, byte for byte, as in ``http.client``. Fields that describe the earlier transfer, and not
the request, are left out or made again.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from appliance.conventions import OWN_PAGES, TCHAR
from appliance.refused import RefusedError

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
_TOKEN = re.compile(TCHAR + "{1,64}")
_TARGET = re.compile(r"/[\x21-\x22\x24-\x7e\x80-\xff]*")  # neither white space, nor a control, nor a fragment
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_ABSOLUTE = re.compile(r"(?i:https?)://[^/?#]*")
_TRANSFER = frozenset({"transfer-encoding", "expect", "trailer"})
CODING = frozenset({"content-encoding"})  # of a body that is sent decoded
_HEAD_MAX = 64 * 1024
_MARK_BITS = 32

Fields = tuple[tuple[str, str], ...]


NOT_KEPT = "This request is not kept, or was never recorded."


class ReplayError(RefusedError):
    """A request can't be sent again."""


@dataclass(frozen=True)
class SentRequest:
    """One request.

    Attributes:
        method, target: as they are sent.
        fields: in their order.
        body: as the application reads it.
    """

    method: str
    target: str
    fields: Fields
    body: bytes = b""

    @property
    def is_safe(self) -> bool:
        """Whether its method promises to change nothing."""
        return self.method in SAFE

    def value(self, name: str) -> str:
        """Return the value of the first field of this name; "" without."""
        return next((value for given, value in self.fields if given.lower() == name), "")

    def checked(self) -> SentRequest:
        """Return the request, if it can be sent.

        Raises:
            ReplayError: it can't.
        """
        if not _TOKEN.fullmatch(self.method) or self.method == "CONNECT":
            raise ReplayError(f"The method is {self.method[:80]!r}.", action="Use a method such as GET or POST.")
        if not _TARGET.fullmatch(self.target):
            raise ReplayError(
                f"The target is {self.target[:80]!r}.", action="Use a path that begins with a slash, without blanks."
            )
        path = self.target.partition("?")[0]
        if path == OWN_PAGES or path.startswith(f"{OWN_PAGES}/"):
            raise ReplayError(
                f"The target {path[:80]} is a page of the appliance.", action="Choose a page of the project."
            )
        for name, value in self.fields:
            if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
                raise ReplayError(
                    f"The field {name[:80]!r} can't be sent.", action="Use one line for each: Name: value."
                )
        if "websocket" in self.value("upgrade").lower():
            raise ReplayError(
                "The request opens a WebSocket, which has no single answer.", action="Open it from its client."
            )
        if sum(len(name) + len(value) for name, value in self.fields) + len(self.target) > _HEAD_MAX:
            raise ReplayError(f"The head has more than {_HEAD_MAX} bytes.", action="Make it shorter.")
        return self

    def head(self) -> bytes:
        """Return its head without the blank line, with a mark that no other head has.

        The mark is white space in front of the first value, and does not belong to it (RFC 9110, 5.5): the record
        of the request shows which head it had, and the project sees nothing.
        """
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        bits = secrets.randbits(_MARK_BITS)
        mark = "".join(" \t"[bits >> each & 1] for each in range(_MARK_BITS))
        for name, value in self._sent_fields():
            lines.append(f"{name}:{mark or ' '}{value}")
            mark = ""
        return "\r\n".join(lines).encode("latin-1")

    def _sent_fields(self) -> Fields:
        fields = [(name, value) for name, value in self.fields if name.lower() not in _TRANSFER]
        names = [name.lower() for name, _ in fields]
        if self.body or "content-length" in names or self.value("transfer-encoding"):
            length = ("Content-Length", str(len(self.body)))
            if "content-length" in names:
                fields[names.index("content-length")] = length
            else:
                fields.append(length)
        if "host" not in names:
            fields.insert(0, ("Host", "localhost"))
        return tuple(fields)


def of_head(raw: bytes, body: bytes) -> SentRequest:
    """Return the request of a head that the server has parsed.

    Raises:
        ReplayError: it is not one.
    """
    first, *lines = raw.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        raise ReplayError(
            "The request line is not a method, a target and a version.", action="Send it from its client again."
        )
    pairs = (line.partition(":") for line in lines)
    fields = tuple((name.strip(), value.strip(" \t")) for name, colon, value in pairs if colon)
    return SentRequest(parts[0], origin_form(parts[1]), fields, body)


def origin_form(target: str) -> str:
    """Return a target without scheme and authority (RFC 9112, 3.2.1)."""
    path = _ABSOLUTE.sub("", target, count=1)
    return path if path.startswith("/") or path == target else f"/{path}"


def without(request: SentRequest, names: frozenset[str]) -> SentRequest:
    """Return the request without the fields of these names, in lower case."""
    return replace(request, fields=tuple(each for each in request.fields if each[0].lower() not in names))
