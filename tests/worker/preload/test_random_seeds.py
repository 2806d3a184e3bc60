"""Generators that get a seed of their own in each forked worker."""

from __future__ import annotations

import random

import pytest

from appliance.worker.hooks import Hooks
from appliance.worker.preload.random_seeds import RandomSeeds


@pytest.fixture
def seeds() -> RandomSeeds:
    """Seeds that record the generators which are made within their context."""
    return RandomSeeds(Hooks())


def test_a_generator_without_a_seed_gets_one(seeds: RandomSeeds):
    """The generator has another state after ``seed``; one that was made with a seed keeps its own."""
    with seeds:
        free, fixed = random.Random(), random.Random(7)
    before = free.getstate(), fixed.getstate()
    seeds.seed()
    assert free.getstate() != before[0]
    assert fixed.getstate() == before[1]


def test_a_generator_that_is_given_a_seed_later_keeps_it(seeds: RandomSeeds):
    """A seed, or a state, that the code has given counts, whenever it was given."""
    with seeds:
        seeded, restored, none = random.Random(), random.Random(), random.Random()
        seeded.seed(7)
        restored.setstate(random.Random(7).getstate())
        none.seed()
    before = [each.getstate() for each in (seeded, restored, none)]
    seeds.seed()
    after = [each.getstate() for each in (seeded, restored, none)]
    assert after[:2] == before[:2]
    assert after[2] != before[2]


def test_the_class_is_as_before_afterwards(seeds: RandomSeeds):
    """Nothing of ours is left in the class."""
    methods = [random.Random.__init__, random.Random.seed, random.Random.setstate]
    with seeds:
        assert random.Random.seed is not methods[1]
    assert [random.Random.__init__, random.Random.seed, random.Random.setstate] == methods


@pytest.mark.parametrize("use", [random.random, lambda: random.seed(3), lambda: random.shuffle([1, 2])])
def test_the_use_of_the_hidden_generator_is_seen(seeds: RandomSeeds, use):
    """A generator was seeded or used within the context: the two can't be distinguished."""
    with seeds:
        assert seeds.shared_use() == ""
        use()
        assert seeds.shared_use() == "the import seeds or uses random"
