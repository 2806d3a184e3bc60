"""The search for holders of code, beside objects that can't be compared."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from appliance.worker.snapshot import code_holders

PRICES = np.array([1, 2])


@pytest.mark.parametrize("kind", [dict, tuple])
def test_data_of_a_project_is_not_compared(kind):
    """The search passes over a table of arrays: a comparison of an array with a name has no one result."""
    kept = [kind([("prices", PRICES)] if kind is dict else [PRICES, 1])]
    gc.collect()
    assert not gc.is_tracked(kept[0])
    assert not code_holders.find({}, [kept]).functions
