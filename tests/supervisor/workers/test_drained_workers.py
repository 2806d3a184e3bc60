"""Old workers that have drained: a few at a time, the oldest ended first."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.protocol.messages import ReportBackgroundWork
from appliance.supervisor.workers.drained_workers import MOST, REPORT_S, SHORT_GRACE_S, DrainedWorkers
from tests.supervisor.fakes import FakeChildren, FakeLoop, handle


class Site:
    """Workers that drain."""

    def __init__(self) -> None:
        self.loop, self.children = FakeLoop(), FakeChildren()
        parts: Any = (self.loop, self.children)
        self.drained_workers = DrainedWorkers(*parts)


@pytest.fixture
def site() -> Site:
    return Site()


def test_what_still_runs_after_a_second_is_asked_for(site: Site):
    """A worker that has drained is asked what still runs in it, once, and not before a second has passed."""
    child = site.children.add(handle())
    site.drained_workers.add(child)
    assert child.drained
    site.loop.advance(REPORT_S - 0.001)
    assert site.children.sent == []
    site.loop.advance(0.001)
    site.loop.advance(100.0)
    assert site.children.messages(ReportBackgroundWork) == [child]


def test_of_more_than_a_few_the_oldest_is_ended(site: Site):
    """Only the newest of many drained workers go on; one that has ended by itself does not count."""
    children = [site.children.add(handle()) for _ in range(MOST + 2)]
    for child in children[:MOST]:
        site.drained_workers.add(child)
    assert site.children.cuts == []
    site.children.end(children[1])
    site.drained_workers.add(children[MOST])
    assert site.children.cuts == []
    site.drained_workers.add(children[MOST + 1])
    assert site.children.cuts == [children[0]]


def test_an_address_is_waited_for(site: Site):
    """If the next worker waits for an address, the drained workers end soon; the others are not asked."""
    drained, serving = (site.children.add(handle()) for _ in range(2))
    site.drained_workers.add(drained)
    site.drained_workers.shorten_deadlines()
    assert site.children.left == [(drained, SHORT_GRACE_S)]
    assert not serving.drained
