"""The sales."""

import numpy as np
import pandas as pd


def sales():
    """A thousand of them."""
    chance = np.random.default_rng(1)
    return pd.DataFrame(
        {"shop": chance.choice(["north", "south", "east"], 1000), "amount": chance.integers(1, 100, 1000)}
    )
