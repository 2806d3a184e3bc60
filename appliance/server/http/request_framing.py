"""Decide where a request's body ends: by Content-Length, by the chunked coding, or at once (RFC 9112, 6.1 to 6.3).

A request whose end could be read in two ways is refused: it could smuggle a second request past a proxy. Pure. Called
once for each new block of field lines that has one of the two fields. ``response_framing`` decides it for responses.
"""

from __future__ import annotations

from .field_grammar import TOKEN
from .refusal import RequestRefused

_LENGTH_DIGITS = 19  # the digits of 2**63 - 1
_LENGTH_MAX = 2**63 - 1


def framing_of(values: dict[str, str], minor: int) -> tuple[int, bool]:
    """Return the body's length, and whether it is chunked; the length of a chunked body is 0.

    Removes Transfer-Encoding from the values, since the server decodes the coding (PEP 3333), and the leading zeros of
    Content-Length.

    Raises:
        RequestRefused: the framing is malformed or ambiguous, or the coding is not supported.
    """
    length = values.get("CONTENT_LENGTH")
    coding = values.pop("HTTP_TRANSFER_ENCODING", None)
    if coding is None:
        if length is None:
            return 0, False
        digits = length.lstrip("0") or length[:1]  # any number of zeros may lead; int() reads at most 4300 digits
        if not length.isascii() or not length.isdigit() or len(digits) > _LENGTH_DIGITS:
            raise RequestRefused(400, "Content-Length is not a number (RFC 9110, 8.6)")
        size = int(digits)
        if size > _LENGTH_MAX:
            raise RequestRefused(400, "Content-Length is larger than 63 bits (RFC 9110, 8.6)")
        values["CONTENT_LENGTH"] = digits
        return size, False
    if minor < 1:
        raise RequestRefused(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1)")
    if length is not None:
        raise RequestRefused(400, "Content-Length and Transfer-Encoding are both given (RFC 9112, 6.3)")
    codings = [name for name in (name.strip(" \t").lower() for name in coding.split(",")) if name]
    if codings != ["chunked"]:
        if codings[-1:] == ["chunked"] and codings.count("chunked") == 1 and all(map(TOKEN.fullmatch, codings)):
            raise RequestRefused(501, "the only supported transfer coding is chunked (RFC 9112, 6.1)")
        raise RequestRefused(400, "chunked must be the last transfer coding, and appear once (RFC 9112, 6.3)")
    return 0, True
