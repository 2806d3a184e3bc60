"""Fixtures for the tests of the stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.protocol.channel import Channel


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    """The supervisor's end and the stand-in's."""
    ours, theirs = Channel.pair()
    yield Channel(ours), Channel(theirs)
    for sock in (ours, theirs):
        sock.close()
