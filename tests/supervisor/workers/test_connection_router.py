"""The way of a connection: to the worker, to the stand-in, or to neither yet; with fake processes."""

from __future__ import annotations

import pytest

from appliance.protocol.messages import HandOverConnections
from appliance.protocol.page_messages import SetStandInPage, StopAccepting
from appliance.supervisor.workers import acceptor_states, connection_router
from tests.supervisor.fakes import handle, no_process
from tests.supervisor.routed_site import Site, connection, is_open, site

__all__ = ["site"]

PAGE = {"title": "booting"}


def test_a_quick_start_needs_no_stand_in(site: Site):
    """A worker that serves before a client would notice starts no stand-in."""
    site.router.progress(PAGE)
    site.loop.advance(connection_router.START_S / 2)
    worker = site.worker()
    site.loop.advance(10.0)
    assert (site.standins, site.router.acceptor, site.router.page) == ([], worker, None)


def test_a_slow_start_shows_a_page(site: Site):
    """When the wait is about to be noticed the stand-in starts, and gets each newer page; each page has a version."""
    site.router.progress(PAGE)
    site.loop.advance(connection_router.WAIT_S)
    site.router.progress({"title": "installing"})
    assert site.router.acceptor is site.standins[0]
    assert site.pages() == ["booting", "installing"]
    assert site.router.page == {"title": "installing", "version": 2}


def test_the_stand_in_starts_before_a_client_notices(site: Site):
    """A stand-in is started so long after nothing serves, and gets the time since when clients wait with each page."""
    assert site.router.acceptor is None
    site.loop.advance(5.0)
    site.router.progress(PAGE)
    site.loop.advance(0.1)
    site.router.progress({"title": "installing"})
    site.loop.advance(connection_router.START_S - 0.1 - 0.001)
    assert site.standins == []
    site.loop.advance(0.002)
    assert len(site.standins) == 1
    site.router.progress(PAGE)
    assert site.shown() == [(connection_router.WAIT_S, 5.0)] * 2


def test_connections_wait_after_a_worker_was_given_up(site: Site):
    """After a worker was given up connections wait, and the time of their clients begins."""
    site.worker()
    site.loop.advance(7.0)
    site.router.progress(PAGE)
    assert site.router.acceptor is None
    site.router.handed_over(HandOverConnections(["a"]), [connection()])
    assert site.delivered() == []
    site.loop.advance(connection_router.START_S)
    assert site.shown() == [(connection_router.WAIT_S, 7.0)]
    assert site.delivered() == [(site.standins[0], ["a"])]


def test_the_end_of_another_process_changes_nothing(site: Site):
    """A worker that ends stops accepting; the end of any other process leaves the one that accepts."""
    worker, other = site.worker(), site.children.add(handle())
    site.children.end(other)
    assert site.router.acceptor is worker
    site.children.end(worker)
    assert site.router.acceptor is None


def test_a_stand_in_that_was_asked_to_end_does_not_come_back(site: Site):
    """A stand-in that ends because it was asked to is not started again, though a page is shown."""
    site.router.broken(PAGE)
    site.standins[0].ending = True
    site.children.end(site.standins[0])
    site.loop.advance(10.0)
    assert (len(site.standins), site.last_answer.active) == (1, False)


def test_a_message_with_too_few_heads_is_an_error(site: Site):
    """A message whose connections and heads do not match is an error, and nothing of it is sent on."""
    with pytest.raises(ValueError, match="zip"):
        site.router.handed_over(HandOverConnections(["a", "b"]), [])
    assert site.delivered() == []


def test_a_failure_is_shown_at_once(site: Site):
    """A failure that lasts until something changes is shown without a wait."""
    site.router.broken({"title": "broken"})
    (sent,) = [message for _, message in site.children.sent if isinstance(message, SetStandInPage)]
    assert (sent.page["title"], sent.wait_s) == ("broken", 0.0)


def test_a_worker_takes_over(site: Site):
    """When a worker serves, the stand-in stops accepting and hands its connections over to that."""
    site.router.broken(PAGE)
    worker = site.worker()
    assert site.children.messages(StopAccepting) == site.standins
    descriptor = connection()
    site.router.handed_over(HandOverConnections(["GET /"]), [descriptor])
    assert site.delivered() == [(worker, ["GET /"])]
    assert not is_open(descriptor)


def test_connections_wait_until_somebody_accepts(site: Site):
    """Connections that arrive while nothing accepts are kept, and go to the process that accepts next."""
    site.router.progress(PAGE)
    descriptors = [connection(), connection()]
    site.router.handed_over(HandOverConnections(["a", "b"]), descriptors)
    assert (site.delivered(), all(map(is_open, descriptors))) == ([], True)
    worker = site.worker()
    assert site.delivered() == [(worker, ["a", "b"])]
    assert site.children.passed[-1] == descriptors
    assert not any(map(is_open, descriptors))


def test_connections_of_a_dead_worker_wait_for_the_next(site: Site):
    """A connection that the dead worker can't take waits for the next one."""
    dead = site.worker()
    site.children.alive.remove(dead)
    site.router.handed_over(HandOverConnections(["a"]), [connection()])
    assert (site.delivered(), site.router.acceptor) == ([], None)
    assert site.delivered() == []
    worker = site.worker()
    assert site.delivered() == [(worker, ["a"])]


def test_many_connections_are_sent_in_parts(site: Site):
    """More connections than a message takes are sent in several, and none is lost."""
    site.router.handed_over(
        HandOverConnections([str(number) for number in range(300)]), [connection() for _ in range(300)]
    )
    site.worker()
    parts = [early for _, early in site.delivered()]
    assert len(parts) > 1
    assert [early for part in parts for early in part] == [str(number) for number in range(300)]


def test_connections_are_sent_again_once_a_descriptor_is_free(site: Site):
    """If no descriptor is free, connections are sent again in a moment, however many arrive meanwhile."""
    worker = site.worker()
    site.children.refusing = OSError(24, "Too many open files")
    descriptors = [connection() for _ in range(acceptor_states.SENDS_MAX + 5)]
    for descriptor in descriptors:
        site.router.handed_over(HandOverConnections(["a"]), [descriptor])
    assert all(map(is_open, descriptors))
    site.children.refusing = None
    site.loop.advance(connection_router.RETRY_S)
    assert sum(len(early) for child, early in site.delivered() if child is worker) == len(descriptors)


def test_connections_without_a_descriptor_for_long_are_closed(site: Site):
    """Connections that can't be sent on for some seconds are closed, and the failure is reported."""
    failures: list[Exception] = []
    site.loop.on_error = failures.append
    site.worker()
    site.children.refusing = OSError(24, "Too many open files")
    for _ in range(2):  # after a success it begins again
        descriptor = connection()
        site.router.handed_over(HandOverConnections(["a"]), [descriptor])
        site.loop.advance(connection_router.RETRY_S * (acceptor_states.SENDS_MAX - 1.5))
        assert (is_open(descriptor), failures) == (True, [])
        refusal, site.children.refusing = site.children.refusing, None
        site.loop.advance(connection_router.RETRY_S)
        assert not is_open(descriptor)
        site.children.refusing = refusal
    descriptor = connection()
    site.router.handed_over(HandOverConnections(["a"]), [descriptor])
    site.loop.advance(connection_router.RETRY_S * (acceptor_states.SENDS_MAX - 0.5))
    assert (is_open(descriptor), failures) == (False, [site.children.refusing])


def test_a_stand_in_that_ends_comes_back(site: Site):
    """A stand-in that ends by itself is started again, and the supervisor answers until then."""
    site.router.broken(PAGE)
    site.children.end(site.standins[0], 1)
    assert site.last_answer.active
    site.loop.advance(connection_router.RESTART_S)
    assert (len(site.standins), site.last_answer.active, site.router.acceptor) == (2, False, site.standins[1])
    site.worker()
    site.children.end(site.standins[1], 1)
    site.loop.advance(10.0)
    assert len(site.standins) == 2, "nothing is to be shown any more"


def test_no_stand_in_can_be_started(site: Site):
    """Without a stand-in the supervisor answers with the newest page; one event says why, and it is tried again."""
    site.failure = no_process()
    site.router.broken(PAGE)
    site.loop.advance(connection_router.RESTART_S * 3)
    site.router.broken({"title": "worse"})
    assert site.last_answer.page["title"] == "worse"
    site.router.progress({"title": "better"})
    assert site.last_answer.page == {"title": "better", "version": 3}
    told = ("error", "start.failed", site.failure.fields())
    assert site.log.events == [told]
    site.failure, failure = None, site.failure
    site.loop.advance(connection_router.RESTART_S)
    assert (len(site.standins), site.last_answer.active) == (1, False)
    site.failure = failure
    site.children.end(site.standins[0], 1)
    site.loop.advance(connection_router.RESTART_S)
    assert site.log.events == [told, told]


def test_a_defect_of_the_start_is_not_hidden(site: Site):
    """A defect that is not a failed start is raised, and the supervisor still answers and tries again."""
    site.failure = ValueError("a defect")
    with pytest.raises(ValueError, match="a defect"):
        site.router.broken(PAGE)
    assert site.last_answer.active
    site.failure = None
    site.loop.advance(connection_router.RESTART_S)
    assert len(site.standins) == 1


def test_the_stop_closes_what_waits(site: Site):
    """At the stop no stand-in is started any more, and connections that nobody takes are closed."""
    site.router.progress(PAGE)
    descriptor = connection()
    site.router.handed_over(HandOverConnections(["a"]), [descriptor])
    site.router.close()
    site.loop.advance(10.0)
    assert (is_open(descriptor), site.standins, site.router.page) == (False, [], None)
    assert site.router.acceptor is None


def test_a_page_that_cannot_be_sent_leaves_nobody_waiting(site: Site):
    """If the stand-in can't be sent its page, the supervisor answers, what waits too, and tries again."""
    site.router.progress(PAGE)
    site.router.handed_over(HandOverConnections(["before"]), [connection()])
    site.children.refusing = RuntimeError("a defect")
    with pytest.raises(RuntimeError, match="a defect"):
        site.router.broken(PAGE)
    site.router.handed_over(HandOverConnections(["after"]), [connection()])
    assert (site.last_answer.active, site.last_answer.taken) == (True, ["before", "after"])
    site.children.refusing = None
    site.loop.advance(connection_router.RESTART_S)
    assert (site.last_answer.active, site.router.acceptor) == (False, site.standins[0])
    assert site.pages() == ["booting"]
    assert len(site.standins) == 1
