"""The changes that the mutated project gets: each compiles, and each kind is made."""

from __future__ import annotations

import random
from pathlib import Path

from tests.soak.source_mutations import MUTATIONS, mutate

APP = Path(__file__).parents[1] / "apps" / "mutated"


def test_each_kind_of_change_is_made() -> None:
    """A few hundred changes have all kinds among them, and each result compiles and differs."""
    chance = random.Random(1)
    kinds = set()
    for name in ("functions.py", "classes.py", "registered.py"):
        source = (APP / name).read_text()
        for _ in range(200):
            kind, changed = mutate(source, chance)
            assert changed != source
            kinds.add(kind)
            source = changed
    assert kinds == set(MUTATIONS)
