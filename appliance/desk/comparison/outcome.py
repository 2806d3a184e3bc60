"""The outcome of a request, as it is compared and shown: masked, decoded, without additions of the appliance."""

from __future__ import annotations

import contextlib
import hashlib
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from appliance.conventions import OWN_PAGES
from appliance.desk.content_decoding import COMPRESSED, chunks, decompressed
from appliance.protocol.request_details import RequestDetails

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.desk.redaction import Redaction

TEXT_MAX = 256 * 1024  # bytes of content that are compared as text
_DECODED_MAX = 4 * 1024 * 1024
_CODINGS = frozenset({"transfer-encoding", "content-encoding"})
# Live reload's script: its attributes name the generation (``server/browser/live_reload``).
_OWN_SCRIPT = re.compile(
    rf'<script (?:nonce="[^"<>]{{0,200}}" )?src="{OWN_PAGES}/client\.js"[^<>]{{0,400}}></script>'.encode()
)


@dataclass(frozen=True)
class Outcome:
    """A response, and what the request did.

    Attributes:
        status: 0 if there was no response.
        fields: masked.
        content: masked; None if it is not text.
        note: what is not shown of the content.
        is_whole: the content is all that was sent.
        size: bytes of the content, decoded.
        digest: of the content, before it was masked; "" if that is not known.
        queries: how many queries the request has run; None if that is not known.
        took_s: seconds until the end of the response.
        request_id: the one of the log.
    """

    status: int
    fields: Sequence[tuple[str, str]] = ()
    content: str | None = None
    note: str = ""
    is_whole: bool = True
    size: int = 0
    digest: str = ""
    queries: int | None = None
    took_s: float | None = None
    request_id: str = ""

    @property
    def kind(self) -> str:
        """The content's type, in lower case, without parameters."""
        found = next((value for name, value in self.fields if name.lower() == "content-type"), "")
        return found.partition(";")[0].strip().lower()

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return {
            "status": self.status, "fields": [list(each) for each in self.fields], "content": self.content,
            "content_note": self.note, "size": self.size, "queries": self.queries, "duration_s": self.took_s,
            "request_id": self.request_id,
        }  # fmt: skip


def outcome(
    status: int,
    fields: Sequence[tuple[str, str]],
    content: bytes,
    redaction: Redaction,
    *,
    is_whole: bool,
    queries: int | None = None,
    took_s: float | None = None,
    request_id: str = "",
) -> Outcome:
    """Return the outcome of a response.

    Args:
        status: of the response.
        fields: as they were sent.
        content: as it was sent, without the chunked coding.
        redaction: masks secrets.
        is_whole: the content is all of it.
        queries: how many it has run.
        took_s: until the end of the response.
        request_id: the one of the log.
    """
    data, whole = _decoded({name.lower(): value for name, value in fields}, content)
    undone = _CODINGS if data is not content or _is_text(data) else _CODINGS - {"content-encoding"}
    data = _OWN_SCRIPT.sub(b"", data)
    plain = [(name, value) for name, value in fields if name.lower() not in undone]
    head = "".join(f"{name}: {value}\r\n" for name, value in plain).encode("latin-1", "replace")
    response = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + data[:TEXT_MAX]
    info = {"response_cut": max(0, len(data) - TEXT_MAX)}
    readable = redaction.readable(RequestDetails(info, b"", b"", response))
    shown = [(name, value) for (name, _), value in zip(fields, _masked(fields, redaction), strict=True)]
    return Outcome(
        status, tuple(shown), readable.content, readable.content_note, is_whole and whole, len(data),
        hashlib.sha256(data).hexdigest(), queries, took_s, request_id,
    )  # fmt: skip


def _is_text(data: bytes) -> bool:
    """Whether content whose coding was not undone may still be text."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # the start of a text was cut within a character
    return True


def _masked(fields: Sequence[tuple[str, str]], redaction: Redaction) -> list[str]:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1", "replace")
    readable = redaction.readable(RequestDetails({}, b"", b"", b"HTTP/1.1 200 OK\r\n" + head + b"\r\n"))
    return [value for _, value in readable.response_fields]


def of_record(found: Mapping[str, Any], raw: RequestDetails | None, redaction: Redaction) -> Outcome:
    """Return the outcome of a recorded request, from the recorded start of its response."""
    details = found["details"]
    more: dict[str, Any] = {"took_s": found["duration_s"], "request_id": found["request_id"] or ""}
    if details is None:
        return Outcome(found["status"] or 0, is_whole=False, **more)
    more["queries"] = found.get("queries", len(details.get("queries") or ()))
    if raw is None:
        note = details["content_note"] or ""
        fields = tuple((str(name), str(value)) for name, value in details["response_fields"])
        content = details["content"]
        content = content if content is None else _OWN_SCRIPT.sub(b"", content.encode()).decode()
        return Outcome(
            found["status"] or 0, fields, content, note, "more bytes" not in note, found["size"] or 0, **more
        )
    head, _, content = raw.response.partition(b"\r\n\r\n")
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    fields = tuple((name.strip(), value.strip()) for name, colon, value in pairs if colon)
    if any(name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in fields):
        content = _unchunked(content)
    is_whole = not raw.info.get("response_cut")
    made = outcome(found["status"] or 0, fields, content, redaction, is_whole=is_whole, **more)
    if is_whole or made.content is not None:
        return made
    return replace(made, size=found["size"] or 0, digest="")  # of content that is not text, all that was sent counts


def _decoded(named: Mapping[str, str], data: bytes) -> tuple[bytes, bool]:
    """Undo gzip and deflate; return the content, and whether that is all of it."""
    if named.get("content-encoding", "").strip().lower() not in COMPRESSED:
        return data, True
    try:
        return decompressed(data, _DECODED_MAX)
    except zlib.error:
        return data, True


def _unchunked(data: bytes) -> bytes:
    """Return the content of chunks, up to where the record or its grammar ends."""
    parts: list[bytes] = []
    with contextlib.suppress(ValueError):
        for chunk in chunks(data):
            parts.append(chunk)  # noqa: PERF402  those before a malformed one are kept
    return b"".join(parts)
