"""The forms of the tests: short, whole and thorough, by ``APPLIANCE_TESTS_FORM`` (decision 70).

``make test`` runs the short form, which leaves out the tests marked ``whole``. ``.ci/run`` runs the whole form, before
each merge. ``make soak`` and CI, each night, run the long form, ``thorough``: every test, with larger inputs, more
clients and examples, and releases between the oldest and the newest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import cycle, islice, product
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")

FORMS = ("short", "whole", "thorough")
FORM = os.environ.get("APPLIANCE_TESTS_FORM") or "short"
THOROUGH = FORM == "thorough"


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


def first(cases: Iterable[Any]) -> list[Any]:
    """Return the cases for ``parametrize``, of which the short form runs the first: the others are marked ``whole``."""
    head, *others = cases
    rest = [case if isinstance(case, tuple) else (case,) for case in others]
    return [head, *(pytest.param(*case, marks=pytest.mark.whole) for case in rest)]
