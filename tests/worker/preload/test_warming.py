"""The preparation for a framework's first request before that request comes."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import Map

from appliance.worker.preload.warming import warm


class SortedMap(Map):
    """Counts how often its rules were sorted."""

    updates = 0

    def update(self) -> None:
        """Sort the rules."""
        self.updates += 1
        super().update()


class BrokenMap(Map):
    """A map whose rules can't be sorted."""

    def update(self) -> None:
        """Fail."""
        raise RuntimeError("a rule is broken")


def test_flasks_rules_are_sorted_before_the_first_request():
    """A Flask application's URL rules are sorted when it is imported, and those that are added later are found too."""

    class Shop(Flask):
        url_map_class = SortedMap

    shop = Shop(__name__)
    shop.add_url_rule("/one", view_func=lambda: "one", endpoint="one")
    warm(shop)
    assert isinstance(shop.url_map, SortedMap)
    assert shop.url_map.updates == 1
    shop.add_url_rule("/two", view_func=lambda: "two", endpoint="two")
    client = shop.test_client()
    assert (client.get("/one").text, client.get("/two").text) == ("one", "two")


def test_rules_that_fail_fail_at_the_first_request():
    """Rules that can't be sorted fail at the first request, whose page says why, and not before."""

    class Shop(Flask):
        url_map_class = BrokenMap

    shop = Shop(__name__, static_folder=None)
    warm(shop)
    assert isinstance(shop.url_map, BrokenMap)


def test_an_application_of_no_framework_is_left_alone():
    """A plain WSGI application is left alone."""
    called: list[object] = []
    warm(called.append)
    assert not called
