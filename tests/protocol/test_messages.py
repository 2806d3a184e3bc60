"""The messages: each is sent under the name of its class, so that a frame can be read beside the module."""

from __future__ import annotations

import re

import pytest

from appliance.protocol.messages import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_named_as_their_classes(kind):
    """A message's kind is the name of its class, in lower case with underscores."""
    assert kind == re.sub(r"(?<!^)(?=[A-Z])", "_", KINDS[kind].__name__).lower()
