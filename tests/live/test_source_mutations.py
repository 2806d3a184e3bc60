"""The changes that the mutated projects get: each compiles, and each kind is made."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.soak.source_mutations import MUTATIONS, mutate

APP = Path(__file__).parents[1] / "apps" / "mutated"
SOURCE = "".join((APP / name).read_text(encoding="utf-8") for name in ("functions.py", "classes.py"))


@pytest.mark.parametrize("kind", MUTATIONS)
def test_each_kind_of_change_is_made(kind: str) -> None:
    """Each kind of change is made of a source that has features of all kinds, and the result compiles and differs."""
    source = f"{SOURCE}\n\ndef added_1():\n    return 1\n"
    made, changed = mutate(source, random.Random(1), [kind])
    assert (made, changed != source) == (kind, True)
    compile(changed, "changed.py", "exec")
