"""Build the request to send again: the edited, masked request with the received values filled in.

A person sees and edits the masked request. Where the request is still in memory, each masked value becomes the received
one again; where it is not, the masked value is left out, and named.

Decision 55 says why.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from appliance.desk.content_decoding import charset_of, is_form
from appliance.desk.replay.sent_request import CODING, ReplayError, SentRequest, without
from appliance.masking import MASKED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DEPTH_MAX = 64  # of JSON in which masked values are searched for
_MULTIPART = "multipart/"
_PARAMETERS_MAX = 2_000

Pairs = list[tuple[str, str]]
_LEFT_OUT = object()


@dataclass(frozen=True)
class Shown:
    """A request as a person sees it, masked.

    Attributes:
        fields: one for each field that was received, in order.
        body: its text; None if it is not shown, or not as it was sent.
        has_body: there was a body, shown or not.
        cut: bytes of the body that were not recorded.
    """

    method: str
    target: str
    fields: Sequence[tuple[str, str]]
    body: str | None = None
    has_body: bool = False
    cut: int = 0

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Shown:
        """Return the request of a row that ``questions.request`` returns.

        Raises:
            ReplayError: its head was not recorded.
        """
        details = found["details"]
        if details is None or not found["method"] or not found["path"]:
            raise ReplayError(
                "Head and body of this request were not recorded.", action="Send it from its client again."
            )
        target = found["path"] + (f"?{found['query']}" if found["query"] else "")
        fields = [(str(name), str(value)) for name, value in details["fields"]]
        kind = next((value for name, value in fields if name.lower() == "content-type"), "").lower()
        note = details["body_note"] or ""
        cut = re.match(r"(\d+) more bytes", note)
        body = details["body"]
        has_body = body is not None or bool(note)
        return cls(
            found["method"], target, fields, None if kind.startswith(_MULTIPART) else body, has_body,
            int(cut[1]) if cut else 0,
        )  # fmt: skip


@dataclass
class Restored:
    """The request to send.

    Attributes:
        left_out: what was masked, and is no longer known: the names of fields and parameters.
        notes: what else differs from the request that was received.
    """

    request: SentRequest
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def restored(shown: Shown, edit: Mapping[str, Any], raw: SentRequest | None) -> Restored:
    """Return the request to send.

    Args:
        shown: what a person has seen.
        edit: what was changed: any of ``method``, ``target``, ``fields`` (lines, or pairs) and ``body``.
        raw: the request as it was received; None if it is no longer kept.

    Raises:
        ReplayError: it can't be sent.
    """
    made = Restored(SentRequest(str(edit.get("method") or shown.method).strip(), "/", ()))
    target = str(edit.get("target") or shown.target).strip()
    fields = _edited_fields(edit.get("fields"), shown)
    sent_fields = _fields(fields, shown, raw, made)
    named = {name.lower(): value for name, value in sent_fields}
    body = _body(edit.get("body"), shown, raw, named.get("content-type", ""), made)
    request = SentRequest(made.request.method, _target(target, shown, raw, made), sent_fields, body)
    if raw is None or body is not raw.body:
        request = without(request, CODING)  # the text was decoded
    made.request = request.checked()
    made.left_out = list(dict.fromkeys(made.left_out))
    return made


def _edited_fields(given: Any, shown: Shown) -> Pairs:
    if given is None:
        return list(shown.fields)
    if isinstance(given, str):
        lines = (line.partition(":") for line in given.splitlines() if line.strip())
        return [(name.strip(), value.strip() if colon else "\n") for name, colon, value in lines]
    try:
        return [(str(name), str(value)) for name, value in given]
    except (TypeError, ValueError):
        raise ReplayError(
            "The fields are neither lines nor pairs.", action="Use one line for each: Name: value."
        ) from None


def _fields(fields: Pairs, shown: Shown, raw: SentRequest | None, made: Restored) -> tuple[tuple[str, str], ...]:
    """Return the fields, each with what was received for it."""
    received: dict[tuple[str, str], list[str]] = {}
    by_name: dict[str, str] = {}
    if raw is not None and len(raw.fields) == len(shown.fields):
        for masked, (name, value) in zip(shown.fields, raw.fields, strict=True):
            received.setdefault(masked, []).append(value)
            by_name[name.lower()] = value
    sent = []
    for name, value in fields:
        known = received.get((name, value))
        if known:
            sent.append((name, known.pop(0)))
        elif MASKED not in value:
            sent.append((name, _latin(value)))
        elif name.lower() == "cookie":
            pairs = _cookies(value, by_name.get("cookie", ""), made)
            if pairs:
                sent.append((name, pairs))
        else:
            made.left_out.append(name)
    return tuple(sent)


def _cookies(edited: str, received: str, made: Restored) -> str:
    """Return a Cookie field whose masked values are those that were received, as far as they are known."""
    known = {name.strip(): value for name, _, value in (each.partition("=") for each in received.split(";"))}
    kept = []
    for each in edited.split(";"):
        name, _, value = each.strip().partition("=")
        if MASKED in value and name in known:
            kept.append(f"{name}={known[name]}")
        elif MASKED in each:
            made.left_out.append(f"Cookie {name}")
        elif each.strip():
            kept.append(_latin(each.strip()))
    return "; ".join(kept)


def _latin(text: str) -> str:
    """Return a text of a head in which characters beyond Latin-1 are their bytes in UTF-8."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode().decode("latin-1")
    return text


def _target(edited: str, shown: Shown, raw: SentRequest | None, made: Restored) -> str:
    if edited == shown.target and raw is not None:
        return raw.target
    path, mark, query = edited.partition("?")
    if MASKED in path:
        if raw is None or path != shown.target.partition("?")[0]:
            raise ReplayError(
                "Its path has a masked value that can't be filled in.", action="Edit the target, and send that."
            )
        path = raw.target.partition("?")[0]
    if MASKED in query:
        received = raw.target.partition("?")[2] if raw is not None else ""
        query = _restored_query(query, received, made)
        mark = mark if query else ""
    return quote(f"{path}{mark}{query}", safe="".join(map(chr, range(0x21, 0x7F))))


def _restored_query(edited: str, received: str, made: Restored) -> str:
    """Return a query, or a form, whose masked parameters are those that were received; the others are as they stand."""
    known: dict[str, list[str]] = {}
    for part in received.split("&")[:_PARAMETERS_MAX]:
        known.setdefault(part.partition("=")[0], []).append(part)
    kept = []
    for part in edited.split("&"):
        name = part.partition("=")[0]
        if MASKED not in part:
            kept.append(part)
        elif known.get(name):
            kept.append(known[name].pop(0))
        else:
            made.left_out.append(f"parameter {name}")
    return "&".join(kept)


def _body(edited: Any, shown: Shown, raw: SentRequest | None, kind: str, made: Restored) -> bytes:
    if edited is not None and shown.body is not None and _lines(str(edited)) == _lines(shown.body):
        edited = None  # a browser's form has line ends of its own
    if edited is None:
        if shown.cut:
            raise ReplayError(
                f"{shown.cut} bytes of its body were not recorded.", action="Edit the body, and send that."
            )
        if raw is not None or not shown.has_body:
            return raw.body if raw is not None else b""
        if shown.body is None:
            raise ReplayError(
                "Its body was not text, and is no longer in memory.", action="Send it from its client again."
            )
        edited = shown.body
    text = str(edited)
    if "\r\n" in text and "\r\n" not in (shown.body or ""):
        text = text.replace("\r\n", "\n")
    if MASKED in text:
        text = _restored_text(text, raw.body if raw is not None else b"", kind.lower(), made)
    return text.encode(charset_of(kind), "replace")


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _restored_text(text: str, received: bytes, kind: str, made: Restored) -> str:
    if is_form(kind, text):
        known = _parameters(received.decode("utf-8", "replace"))
        return urlencode(list(_restored_pairs(_parameters(text), known, made)))
    try:
        edited = json.loads(text)
    except (ValueError, RecursionError):
        raise ReplayError(
            "Its body has masked values that can't be filled in.", action="Edit the body, and send that."
        ) from None
    try:
        original = json.loads(received)
    except (ValueError, RecursionError):
        original = None
    return json.dumps(_restored_json(edited, original, "", made, _DEPTH_MAX), ensure_ascii=False)


def _parameters(text: str) -> Pairs:
    return parse_qsl(text, keep_blank_values=True)[:_PARAMETERS_MAX]


def _restored_pairs(edited: Pairs, received: Pairs, made: Restored) -> Iterable[tuple[str, str]]:
    known: dict[str, list[str]] = {}
    for name, value in received:
        known.setdefault(name, []).append(value)
    for name, value in edited:
        if MASKED not in value:
            yield name, value
        elif known.get(name):
            yield name, known[name].pop(0)
        else:
            made.left_out.append(f"parameter {name}")


def _restored_json(edited: Any, received: Any, name: str, made: Restored, depth: int) -> Any:
    """Return a value in which masked texts are what was received at their place; others are left out."""
    if depth == 0:
        return edited
    if isinstance(edited, dict):
        of = received if isinstance(received, dict) else {}
        values = {key: _restored_json(each, of.get(key), key, made, depth - 1) for key, each in edited.items()}
        return {key: value for key, value in values.items() if value is not _LEFT_OUT}
    if isinstance(edited, list):
        rest = received if isinstance(received, list) else []
        items = [
            _restored_json(each, rest[index] if index < len(rest) else None, name, made, depth - 1)
            for index, each in enumerate(edited)
        ]
        return [each for each in items if each is not _LEFT_OUT]
    if isinstance(edited, str) and MASKED in edited:
        if received is not None:
            return received
        made.left_out.append(f"member {name}")
        return _LEFT_OUT
    return edited
