"""Generators of random numbers that were made while modules were preloaded, without a seed: each worker seeds its own.

Owns the list of them. Knows nothing of imports or forks. Runs in the preloader, and once in each worker that is forked.

``random`` itself seeds its hidden generator anew in a forked process; numpy does not. A numpy ``Generator`` is known by
the call of ``default_rng`` that made it: what it was made with can't be asked later.
"""

from __future__ import annotations

import functools
import random
import sys
import weakref
from typing import Any


class Randoms:
    """While it is entered, generators that are made without a seed are noted."""

    def __init__(self) -> None:
        self._original: Any = random.Random.__init__
        self._unseeded: list[weakref.ref[random.Random]] = []
        self._generators: list[Any] = []  # numpy's, to which no weak reference can be had
        self._numpy: Any = None
        self._default_rng: Any = None
        original = self._original
        unseeded = self._unseeded

        def begin(self: random.Random, x: Any = None) -> None:
            original(self, x)
            if x is None and not isinstance(self, random.SystemRandom):
                unseeded.append(weakref.ref(self))

        self._begin = begin

    def __enter__(self) -> None:
        random.Random.__init__ = self._begin  # type: ignore[method-assign]  # for the time of the imports

    def __exit__(self, *_: object) -> None:
        random.Random.__init__ = self._original  # type: ignore[method-assign]  # as above
        if self._numpy is not None:
            self._numpy.default_rng = self._default_rng
            self._numpy = None

    def ran(self, name: str) -> None:
        """A module was imported: numpy's has another maker of generators from now on."""
        module: Any = sys.modules.get(name)
        original = getattr(module, "default_rng", None)
        if name != "numpy.random" or original is None:
            return

        @functools.wraps(original)
        def default_rng(seed: Any = None) -> Any:
            made = original(seed)
            if seed is None and self._numpy is not None:  # later it is only what somebody has kept
                self._generators.append(made)
            return made

        self._numpy, self._default_rng = module, original
        module.default_rng = default_rng

    def seed(self) -> None:
        """Give each a seed of this process's own."""
        for reference in self._unseeded:
            generator = reference()
            if generator is not None:
                generator.seed()
        for made in self._generators:
            bits = made.bit_generator
            bits.state = type(bits)().state
        numpy: Any = sys.modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()
