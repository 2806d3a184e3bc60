"""Connections on which a page of the appliance is asked for: they go to the stand-in, at any time."""

from __future__ import annotations

from appliance.protocol.messages import HandOverConnections, TakeConnections
from appliance.protocol.page_messages import PublishAssets, PublishRevision, StopAccepting
from appliance.supervisor.workers import connection_router
from tests.supervisor.fakes import no_process
from tests.supervisor.routed_site import Site, connection, is_open, site

__all__ = ["site"]


def own_page() -> HandOverConnections:
    """A connection on which a page of the appliance is asked for."""
    return HandOverConnections(["GET /__appliance__/"], ["10.0.0.1"], own_pages=True)


def test_a_page_of_the_appliance_starts_the_stand_in(site: Site):
    """While a worker serves, the first such connection starts a stand-in, which rests; the worker accepts on."""
    worker = site.worker()
    for _ in range(2):
        descriptor = connection()
        site.router.handed_over(own_page(), [descriptor])
        assert not is_open(descriptor)
    (standin,) = site.standins
    assert site.router.acceptor is worker
    assert site.delivered() == [(standin, ["GET /__appliance__/"])] * 2
    assert [message.peers for _, message in site.children.sent if isinstance(message, TakeConnections)] == [
        ["10.0.0.1"]
    ] * 2
    (rest,) = [message for _, message in site.children.sent if isinstance(message, StopAccepting)]
    assert rest.generation == worker.generation
    assert site.pages() == []


def test_without_a_stand_in_the_pages_say_so(site: Site):
    """If no stand-in can be started, the supervisor answers for it, and the project is still served."""
    worker = site.worker()
    site.failure = no_process()
    descriptor = connection()
    site.router.handed_over(own_page(), [descriptor])
    assert site.last_answer.taken == [connection_router.NO_PAGES["title"]]
    assert (site.router.acceptor, site.last_answer.active) == (worker, False)
    assert len(site.log.named("pages.failed")) == 1


def test_a_stand_in_that_ends_at_once_is_not_started_by_each_request(site: Site):
    """The stand-in is started again by the first request after a moment: a browser that polls starts no storm."""
    site.worker()
    site.router.handed_over(own_page(), [connection()])
    site.children.end(site.standins[0])
    for _ in range(3):
        site.router.handed_over(own_page(), [connection()])
    assert len(site.standins) == 1
    assert site.last_answer.taken == [connection_router.NO_PAGES["title"]] * 3


def test_open_pages_hear_of_saved_styles(site: Site):
    """A stand-in that runs gets the paths of saved styles; without one there is no open page."""
    site.worker()
    site.router.assets_saved(["a.css"])
    site.router.handed_over(own_page(), [connection()])
    site.router.assets_saved(["b.css"])
    assert [message.paths for _, message in site.children.sent if isinstance(message, PublishAssets)] == [["b.css"]]


def test_open_pages_hear_of_changed_templates(site: Site):
    """A stand-in gets the revision of templates; one that starts later gets it after the generation that serves."""
    site.worker()
    site.router.templates_changed(3, 1)
    site.router.handed_over(own_page(), [connection()])
    site.router.templates_changed(3, 2)
    told = [message for _, message in site.children.sent if isinstance(message, StopAccepting | PublishRevision)]
    assert told == [StopAccepting(0), PublishRevision(3, 1), PublishRevision(3, 2)]


def test_the_stop_waits_for_no_new_stand_in(site: Site):
    """A page of the appliance that is asked for while it stops is answered by the supervisor: nothing is started."""
    site.worker()
    site.router.close()
    site.router.handed_over(own_page(), [connection()])
    assert site.standins == []
    assert site.last_answer.taken == [connection_router.NO_PAGES["title"]]
