"""The message about one request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.protocol.request_details import RequestDetails, unpack


@given(st.binary(), st.binary(), st.binary(), st.text())
def test_a_message_comes_back_as_it_was(head, body, response, request_id):
    """Any bytes survive the way."""
    sent = RequestDetails({"request_id": request_id, "ended_us": 1}, head, body, response)
    assert unpack(sent.pack()) == sent


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data):
    """Bytes that are not a message are an error, whatever they are."""
    with pytest.raises(ValueError):
        unpack(data)
    with pytest.raises(ValueError):
        unpack(RequestDetails({}, b"", b"", b"").pack() + b"x" + data)


@pytest.mark.parametrize("info", [[], "text", 1, None])
def test_info_must_be_an_object(info):
    """A message whose info is another JSON value than an object is an error of the same kind as any other."""
    with pytest.raises(ValueError, match="not an object"):
        unpack(RequestDetails(info, b"", b"", b"").pack())
