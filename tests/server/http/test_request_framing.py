"""The end of a request's body follows from its fields alone (RFC 9112, 6.1 to 6.3)."""

from __future__ import annotations

import pytest

from appliance.server.http.refusal import RequestRefused
from appliance.server.http.request_framing import framing_of

LENGTH, CODING = "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"


@pytest.mark.parametrize(
    ("values", "expected", "left"),
    [
        ({}, (0, False), {}),
        ({LENGTH: "5"}, (5, False), {LENGTH: "5"}),
        ({LENGTH: "000"}, (0, False), {LENGTH: "0"}),
        ({LENGTH: "0012"}, (12, False), {LENGTH: "12"}),
        ({LENGTH: str(2**63 - 1)}, (2**63 - 1, False), {LENGTH: str(2**63 - 1)}),
        ({CODING: "chunked"}, (0, True), {}),
        ({CODING: " , Chunked\t,"}, (0, True), {}),
    ],
)
def test_a_body_ends_where_its_fields_say(values: dict[str, str], expected: tuple[int, bool], left: dict[str, str]):
    """Length and coding are read; the application sees a length without leading zeros, and no coding."""
    assert framing_of(values, 1) == expected
    assert values == left


@pytest.mark.parametrize(
    ("values", "minor", "status"),
    [
        ({LENGTH: "5", CODING: "chunked"}, 1, 400),
        ({CODING: "chunked"}, 0, 400),
        ({LENGTH: "+5"}, 1, 400),
        ({LENGTH: ""}, 1, 400),
        ({LENGTH: "\u0665"}, 1, 400),
        ({LENGTH: str(2**63)}, 1, 400),
        ({LENGTH: "9" * 5000}, 1, 400),
        ({CODING: ""}, 1, 400),
        ({CODING: "chunked, gzip"}, 1, 400),
        ({CODING: "chunked, chunked"}, 1, 400),
        ({CODING: "b@d, chunked"}, 1, 400),
        ({CODING: "gzip, chunked"}, 1, 501),
    ],
)
def test_an_ambiguous_or_malformed_framing_is_refused(values: dict[str, str], minor: int, status: int):
    """Two readings of where a body ends would let a request be smuggled."""
    with pytest.raises(RequestRefused) as caught:
        framing_of(values, minor)
    assert caught.value.status == status
