"""Whether the tests take their long form: larger inputs, more clients, more examples. ``make soak`` runs it.

The short form, which ``make test`` runs, holds the same properties. The long form also finds what shows itself only in
larger inputs, or seldom, or in releases between the oldest and the newest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import cycle, islice, product
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")

THOROUGH = os.environ.get("APPLIANCE_TESTS_FORM") == "thorough"


def long_form(why: str) -> pytest.MarkDecorator:
    """Mark a test that only the long form has, because it takes long; ``why`` says with what."""
    return pytest.mark.skipif(not THOROUGH, reason=f"the long form: {why}")


def one_in(number: int, cases: Iterable[Case]) -> list[Case]:
    """Return all cases in the long form, and in the short form the first and each ``number``-th after it."""
    return list(islice(cases, 0, None, 1 if THOROUGH else number))


def in_turn(cases: Iterable[tuple[Any, ...]], ways: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return each case with each way as its last item; in the short form each case with one way, the ways by turns."""
    pairs = product(cases, ways) if THOROUGH else zip(cases, cycle(ways), strict=False)
    return [(*case, way) for case, way in pairs]
