"""How a response's content is delimited (RFC 9112, 6.3; RFC 9110, 8.6 and 15), pure.

Owns that one decision; must not know who asked or how it is sent. Called once a response, in its thread.
"""

from __future__ import annotations

_NO_CONTENT = (204, 304)
_RESET_CONTENT = 205


def delimit(code: int, declared: int, size: int | None, minor: int, head_only: bool) -> tuple[bytes, bool, int]:  # noqa: FBT001  a keyword costs time
    """Decide.

    Args:
        code: the status.
        declared: what the application's Content-Length said; -1 without.
        size: of the whole content, where it is known.
        minor: of the request's HTTP version.
        head_only: the request was HEAD.

    Returns:
        The field line for it; whether content is sent at all; how much of it, -1 for as much as comes.
    """
    if code in _NO_CONTENT or head_only:
        length = size or -1 if declared < 0 and head_only else declared
        # A 204 has none (8.6); a 0 for the others would say of a GET's content what nobody counted.
        return (b"Content-Length: %d\r\n" % length if length > 0 and code != 204 else b""), False, -1
    if code == _RESET_CONTENT:  # 15.3.6
        return b"Content-Length: 0\r\n", False, -1
    length = declared if declared >= 0 or size is None else size
    if length >= 0:
        return b"Content-Length: %d\r\n" % length, True, length
    return (b"Transfer-Encoding: chunked\r\n" if minor > 0 else b""), True, -1
