"""The relay's reading of the Debug Adapter Protocol."""

import json

import pytest

from appliance.supervisor.debugger.dap import Frames, Session, framed

ATTACH = json.dumps({"seq": 1, "type": "request", "command": "attach", "arguments": {"restart": True}}).encode()
TERMINATED = b'{"seq": 9, "type": "event", "event": "terminated"}'


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_messages_are_whole_however_they_come(size):
    """Frames cut anywhere, with further header fields too, give the same messages."""
    wire = framed(b'{"a": 1}') + b'Content-Type: x\r\nContent-Length: 3\r\n\r\n"b"' + framed(b"{}")
    frames = Frames()
    parts = [wire[start : start + size] for start in range(0, len(wire), size)]
    assert [message for part in parts for message in frames.feed(part)] == [b'{"a": 1}', b'"b"', b"{}"]


def test_what_is_not_a_protocol_is_refused():
    """Bytes without a header, or with the length of no message, are an error and not memory."""
    with pytest.raises(ValueError, match="header"):
        list(Frames().feed(b"GET / HTTP/1.1\r\n" * 1000))
    with pytest.raises(ValueError, match="bytes"):
        list(Frames().feed(b"Content-Length: 999999999\r\n\r\n"))


def test_the_end_says_restart_to_a_client_that_asked_for_it():
    """Terminated has "restart" for a client whose attach had it, and for no other."""
    session = Session()
    session.from_client(ATTACH)
    assert json.loads(session.from_debugger(TERMINATED))["body"] == {"restart": True}
    assert Session().from_debugger(TERMINATED) == TERMINATED


def test_a_client_that_disconnects_is_not_told_to_restart():
    """A client that disconnects by its own will is not told to restart."""
    session = Session()
    session.from_client(ATTACH)
    session.from_client(b'{"seq": 2, "type": "request", "command": "disconnect"}')
    assert session.from_debugger(TERMINATED) == TERMINATED
    assert session.termination() == b""


def test_a_debugger_that_dies_has_its_end_told():
    """A client whose debugger has gone without a word gets the end once, with the restart that it asked for."""
    session = Session()
    session.from_client(ATTACH)
    assert json.loads(session.termination())["body"] == {"restart": True}
    assert session.termination() == b""


def test_a_header_is_read_within_its_bound():
    """Header lines without end are refused after the first few kilobytes, however many came at once."""
    with pytest.raises(ValueError, match="header"):
        list(Frames().feed(b"Content-Length: 1\r\n" * 10_000))
