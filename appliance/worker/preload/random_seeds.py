"""Give each forked worker its own random seeds: for generators that preloaded modules created without a seed.

Records such generators in the preloader, and seeds them once in each forked worker.

``random`` itself seeds its hidden generator again in a forked process; numpy does not. A numpy ``Generator`` is
recorded at the call of ``default_rng`` that creates it: its seed can't be read later.
"""

from __future__ import annotations

import functools
import random
import sys
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..hooks import Hooks


class RandomSeeds:
    """Within this context, generators that are created without a seed are recorded."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._original: Any = random.Random.__init__
        self._unseeded: list[weakref.ref[random.Random]] = []
        self._generators: list[Any] = []  # numpy's, which allow no weak references
        self._numpy: Any = None
        self._default_rng: Any = None
        original = self._original
        note = hooks.guarded("seeds of random", self._note, otherwise=None)

        def begin(self: random.Random, *given: Any, **named: Any) -> None:
            original(self, *given, **named)
            note(self, given, named)

        self._begin = begin

    def _note(self, made: random.Random, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        seed = given[0] if given else named.get("x")
        if seed is None and not isinstance(made, random.SystemRandom):
            self._unseeded.append(weakref.ref(made))

    def __enter__(self) -> None:
        random.Random.__init__ = self._begin  # type: ignore[method-assign]  # during the imports
        if "numpy.random" in sys.modules:  # the image imports more than the preloader that it is a copy of
            self.imported("numpy.random")

    def __exit__(self, *_: object) -> None:
        random.Random.__init__ = self._original  # type: ignore[method-assign]  # as above
        if self._numpy is not None:
            self._numpy.default_rng = self._default_rng
            self._numpy = None

    def imported(self, name: str) -> None:
        """Patch numpy's generators, once ``numpy.random`` was imported."""
        if name == "numpy.random":
            self._hooks.call("seeds of numpy", self._hook_numpy, otherwise=None)

    def _hook_numpy(self) -> None:
        module: Any = sys.modules["numpy.random"]
        original = module.default_rng
        note = self._hooks.guarded("seeds of numpy", self._note_numpy, otherwise=None)

        @functools.wraps(original)
        def default_rng(*given: Any, **named: Any) -> Any:
            made = original(*given, **named)
            note(made, given, named)
            return made

        self._numpy, self._default_rng = module, original
        module.default_rng = default_rng

    def _note_numpy(self, made: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        seed = given[0] if given else named.get("seed")
        if seed is None and self._numpy is not None:  # a later call can only come from a kept reference
            self._generators.append(made)

    def seed(self) -> None:
        """Give each generator a seed of this process."""
        self._hooks.call("seeds of random", self._seed, otherwise=None)
        self._hooks.call("seeds of numpy", self._seed_numpy, otherwise=None)

    def _seed(self) -> None:
        for reference in self._unseeded:
            generator = reference()
            if generator is not None:
                generator.seed()

    def _seed_numpy(self) -> None:
        for made in self._generators:
            bits = made.bit_generator
            bits.state = type(bits)().state
        numpy: Any = sys.modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()
