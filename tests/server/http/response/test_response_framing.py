"""How content is delimited, for every kind of response: each row of the table is a sentence of an RFC."""

from __future__ import annotations

import pytest

from appliance.server.http.response.response_framing import delimit

CHUNKED = b"Transfer-Encoding: chunked\r\n"
ALL = -1


def length(count: int) -> bytes:
    """The field line of a length."""
    return b"Content-Length: %d\r\n" % count


@pytest.mark.parametrize(
    ("code", "declared", "size", "minor", "head_only", "expected"),
    [
        # The length that the application declares counts, whatever size was found (RFC 9110, 8.6).
        *((code, 5, size, 1, False, (length(5), True, 5)) for code in (200, 203, 206, 303, 404) for size in (None, 7)),
        (200, 0, 7, 1, False, (length(0), True, 0)),
        (200, 1, 7, 1, False, (length(1), True, 1)),
        (200, -1, 7, 1, False, (length(7), True, 7)),
        (200, -1, 0, 1, False, (length(0), True, 0)),
        # Without a length: chunks, which HTTP/1.0 and 0.9 do not know (RFC 9112, 6.3 and 7.1).
        (200, -1, None, 1, False, (CHUNKED, True, ALL)),
        *((200, -1, None, minor, False, (b"", True, ALL)) for minor in (0, -1)),
        # A 205 has no content, and says so, also to HEAD's kind of client (RFC 9110, 15.3.6).
        *((205, declared, 7, 1, False, (length(0), False, ALL)) for declared in (-1, 0, 5)),
        # A 204 has neither content nor a length (RFC 9110, 8.6 and 15.3.5).
        *((204, declared, 7, 1, head, (b"", False, ALL)) for declared in (-1, 0, 5) for head in (False, True)),
        # A 304 may have the length that its 200 would have; only the application knows it (RFC 9110, 8.6).
        *((304, declared, 7, 1, False, (b"", False, ALL)) for declared in (-1, 0)),
        *((304, count, None, 1, False, (length(count), False, ALL)) for count in (1, 5)),
        # HEAD has the length that GET would have, and no content. A 0 says nothing of GET (RFC 9110, 9.3.2).
        *((code, 5, 7, 1, True, (length(5), False, ALL)) for code in (200, 205, 304)),
        *((200, -1, count, 1, True, (length(count), False, ALL)) for count in (1, 7)),
        *((200, -1, size, 1, True, (b"", False, ALL)) for size in (None, 0)),
        *((200, 0, size, 1, True, (b"", False, ALL)) for size in (None, 0, 7)),
    ],
)
def test_each_response_is_delimited_as_its_rfc_asks(
    code: int, declared: int, size: int | None, minor: int, head_only: bool, expected: tuple[bytes, bool, int]
):
    """The status, the method, the version and the known lengths decide the framing field, and what is sent behind."""
    assert delimit(code, declared, size, minor, head_only) == expected
