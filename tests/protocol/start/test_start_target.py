"""The target of a start, as its type declares it."""

from __future__ import annotations

from appliance.discovery.target import Target
from appliance.protocol.start.start_target import StartTarget


def test_the_type_of_a_target_names_its_fields():
    """The target that discovery writes for the worker has the keys that the type declares, and no others."""
    written = Target("object", "shop", "/project/shop.py", "app", "no", ("/project",)).as_dict()
    assert list(written) == list(StartTarget.__annotations__)
