"""Decide how a response's content is delimited (RFC 9112, 6.3; RFC 9110, 8.6 and 15).

Pure. Called once for each response.
"""

from __future__ import annotations

_NO_CONTENT = (204, 304)
_RESET_CONTENT = 205


def delimit(code: int, declared: int, size: int | None, minor: int, head_only: bool) -> tuple[bytes, bool, int]:  # noqa: FBT001  a keyword costs time
    """Choose the framing field.

    Args:
        code: the status code.
        declared: the application's Content-Length; -1 if it sent none.
        size: the size of the whole content, if known.
        minor: the minor version of the request's HTTP version.
        head_only: the request's method was HEAD.

    Returns:
        The field line; whether content is sent at all; of how many bytes, -1 for all that the application gives.
    """
    if code in _NO_CONTENT or head_only:
        length = size or -1 if declared < 0 and head_only else declared
        # A 204 has no length (8.6). For HEAD and 304, a 0 would claim that GET has no content, which is not known.
        return (b"Content-Length: %d\r\n" % length if length > 0 and code != 204 else b""), False, -1
    if code == _RESET_CONTENT:  # 15.3.6
        return b"Content-Length: 0\r\n", False, -1
    length = declared if declared >= 0 or size is None else size
    if length >= 0:
        return b"Content-Length: %d\r\n" % length, True, length
    return (b"Transfer-Encoding: chunked\r\n" if minor > 0 else b""), True, -1
