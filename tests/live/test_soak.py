"""The short form of the soak run: ``make soak`` has the long one."""

from __future__ import annotations

import sys

import pytest

from tests.soak.load import soak

pytestmark = pytest.mark.whole


@pytest.mark.waits
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: what processes hold is read from /proc")
def test_a_short_soak_finds_no_wrong_answer_and_no_leak():
    """Clients that behave, leave, stall, reset and lie: no wrong answer, one line a request, and nothing leaks."""
    result = soak(seconds=4, seed=20, clients=24, rounds=3)
    assert result.failures == []
    assert result.requests > 200
    assert {"request.finished", "request.refused", "request.aborted", "websocket.closed"} <= result.events.keys()
