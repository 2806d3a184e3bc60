"""Decode a request and its response for the desk, and mask the secrets in them: nothing else is stored.

A value is secret by its name (``masking.is_secret_field``, and APPLIANCE_REDACT), or by its text (``masking.Mask``).
Runs in the recorder.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlencode

from appliance.conventions import URLENCODED_FORM
from appliance.desk.content_decoding import COMPRESSED, charset_of, chunks, decompressed, is_form
from appliance.masking import MASKED, Mask, is_secret_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.protocol.request_details import RequestDetails

Fields = list[tuple[str, str]]

_WHOLE = frozenset({"authorization", "proxy-authorization"})
_TEXT = re.compile(r"text/|application/(?:json|xml|javascript|graphql|x-ndjson|x-www-form-urlencoded)|.+\+(?:json|xml)")
# A member of a JSON object: so a text that was cut is masked too. The alternatives exclude each other: linear time.
_MEMBER = re.compile(r'"((?:[^"\\]|\\.){1,200})"(\s{0,100}:\s{0,100})("(?:[^"\\]|\\.)*"?|[^\s,}\]"\[{][^\s,}\]]*)')
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite"})
_NO_SECRETS = frozenset({"null", "true", "false"})  # of JSON: "is_private": true
_DECODED_MAX = 256 * 1024
# Content that may be JSON: a page's fetch names a text without a type text/plain, and events often carry objects.
_MAY_BE_JSON = re.compile(r"json|graphql|^text/(?:plain|event-stream)")
_MULTIPART = "multipart/form-data"
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})')
_PARAMETER = re.compile(r'\b(name|filename)="([^"\r\n]{0,1000})"')


class Readable(NamedTuple):
    """The stored parts of one request.

    ``body`` and ``content`` are None if they are not text; ``body_note`` and ``content_note`` say what is missing.
    """

    fields: Fields
    body: str | None
    body_note: str
    response_fields: Fields
    content: str | None
    content_note: str


class Redaction:
    """The secrets of one project.

    Args:
        names: parameters whose values are secret, in lower case (APPLIANCE_REDACT).
        values: texts that are secret wherever they stand.

    Attributes:
        names: the same parameters.
    """

    def __init__(self, names: Iterable[str] = (), values: Iterable[str] = ()) -> None:
        self.names = frozenset(name.lower() for name in names)
        self._mask = Mask({}, more=values, names=self.names)

    def readable(self, details: RequestDetails) -> Readable:
        """Return the form of the request that may be stored."""
        _, fields = _head(details.head)
        head, separator, rest = details.response.partition(b"\r\n\r\n")
        _, answered = _head(head)
        if not separator:
            rest = b""
        # The body is recorded as the application reads it, so it is decoded already (RFC 9112, 7.1).
        received = [(name, value) for name, value in fields if name.lower() != "transfer-encoding"]
        body, note = self._content(received, details.body, int(details.info.get("body_cut") or 0))
        content, content_note = self._content(answered, rest, int(details.info.get("response_cut") or 0))
        return Readable(self._fields(fields), body, note, self._fields(answered), content, content_note)

    def is_secret(self, name: str) -> bool:
        """Whether a value of this name is secret."""
        return is_secret_field(name, self.names)

    def masked(self, text: str) -> str:
        """Return a text with a mask in the place of each secret value."""
        return self._mask.masked(text)

    def masked_except_links(self, text: str) -> str:
        """Return a text with a mask in the place of each secret value, but with whole links."""
        return self._mask.masked_except_links(text)

    def _fields(self, fields: Fields) -> Fields:
        return [(name, self._value(name, value)) for name, value in fields]

    def _value(self, name: str, value: str) -> str:
        low = name.lower()
        if low in _WHOLE or self.is_secret(name):
            scheme, space, _ = value.partition(" ")
            return f"{scheme} {MASKED}" if space and low in _WHOLE else MASKED
        if low == "cookie":
            return ";".join(map(_without_value, value.split(";")))
        if low == "set-cookie":
            cookie, *attributes = value.split(";")
            return ";".join([_without_value(cookie), *map(_attribute, attributes)])
        return self._mask.masked(value)

    def _content(self, fields: Fields, data: bytes, cut: int) -> tuple[str | None, str]:
        """Return the text of content, and a note on what is not shown."""
        named = {name.lower(): value for name, value in fields}
        if not data:
            return None, ""
        try:
            data = _decoded(named, data)
        except (zlib.error, ValueError):
            return None, f"{len(data)} bytes that can't be decoded"
        kind = named.get("content-type", "")
        if kind.lower().startswith(_MULTIPART) and (boundary := _BOUNDARY.search(kind)):
            return self._parts(data, boundary[1].encode()), f"{cut} more bytes" if cut else ""
        kind = kind.lower()
        if not _TEXT.match(kind):
            return None, f"{len(data) + cut} bytes of {kind.partition(';')[0] or 'an unnamed type'}"
        text = self._masked_text(kind, _text(kind, data))
        return text, f"{cut} more bytes" if cut else ""

    def _parts(self, data: bytes, boundary: bytes) -> str:
        """Return the fields of a form, one a line: a file by its name and size (RFC 7578)."""
        lines = []
        for part in data.split(b"--" + boundary)[1:]:
            head, separator, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
            found = dict(_PARAMETER.findall(head.decode("utf-8", "replace"))) if separator else {}
            if not found:
                continue
            content = content.removesuffix(b"\r\n")
            name = found.get("name", "")
            if "filename" in found:
                value = f"(file {found['filename']}, {len(content)} bytes)"
            else:
                value = MASKED if self.is_secret(name) else self._form_value(content.decode("utf-8", "replace"))
            lines.append(f"{name}: {value}")
        return "\n".join(lines)

    def _masked_text(self, kind: str, text: str) -> str:
        if is_form(kind, text):
            pairs = [
                (name, MASKED if self.is_secret(name) else self._form_value(value))
                for name, value in parse_qsl(text, keep_blank_values=True)
            ]
            return urlencode(pairs, safe="*")
        if _MAY_BE_JSON.search(kind) or kind.startswith(URLENCODED_FORM):
            text = _MEMBER.sub(self._member, text)
        return self._mask.masked(text)

    def _form_value(self, text: str) -> str:
        """Return a value of a form, which may be JSON itself: a webhook's payload, the data beside a file."""
        return self._mask.masked(_MEMBER.sub(self._member, text) if text.lstrip().startswith(("{", "[")) else text)

    def _member(self, found: re.Match[str]) -> str:
        name, between, value = found.groups()
        return f'"{name}"{between}"{MASKED}"' if self.is_secret(name) and value not in _NO_SECRETS else found[0]


def _without_value(pair: str) -> str:
    """Return a cookie with a mask for its value; one without an equals sign is a value without a name (RFC 6265bis)."""
    name, sign, _ = pair.partition("=")
    if sign:
        return f"{name}={MASKED}"
    return pair.replace(pair.strip(), MASKED) if pair.strip() else pair


def _attribute(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return pair if not sign or name.strip().lower() in _ATTRIBUTES else f"{name}={MASKED}"


def _head(raw: bytes) -> tuple[str, Fields]:
    """Return the first line and the fields of a head."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first, [(name.strip(), value.strip()) for name, colon, value in pairs if colon]


def _text(kind: str, data: bytes) -> str:
    return data.decode(charset_of(kind), "replace")


def _decoded(named: dict[str, str], data: bytes) -> bytes:
    """Undo the chunked coding, and gzip or deflate.

    Raises:
        zlib.error, ValueError: the data is not of these codings.
    """
    if "chunked" in named.get("transfer-encoding", "").lower():
        data = b"".join(chunks(data))
    coding = named.get("content-encoding", "").strip().lower()
    if coding in COMPRESSED:
        return decompressed(data, _DECODED_MAX)[0]
    if coding not in {"", "identity"}:
        raise ValueError(f"the coding {coding}")
    return data
