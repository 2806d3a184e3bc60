"""Give each forked worker its own random seeds: for generators that preloaded modules created without a seed.

Records such generators in the preloader, and seeds them once in each forked worker.

``random`` itself seeds its hidden generator again in a forked process; numpy does not. A numpy ``Generator`` is
recorded at the call of ``default_rng`` that creates it: its seed can't be read later. A generator that is given a seed
or a state after that keeps it. For the hidden generators it is not known whether the project gave them a seed, so
``shared_use`` only says whether their state has changed.
"""

from __future__ import annotations

import functools
import random
import sys
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hooks import Hooks

_UNREADABLE = "unreadable"


class RandomSeeds:
    """Records generators that are created without a seed, from ``begin`` to ``end``, or within this context."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._originals: dict[str, Any] = {
            name: getattr(random.Random, name) for name in ("__init__", "seed", "setstate")
        }
        self._unseeded: list[weakref.ref[random.Random]] = []
        self._before: tuple[Any, Any] = (None, None)
        self._generators: list[Any] = []  # numpy's, which allow no weak references
        self._numpy: Any = None
        self._default_rng: Any = None
        self._patches = {
            "__init__": self._noting("__init__", self._note),
            "seed": self._noting("seed", self._note_seed),
            "setstate": self._noting("setstate", self._note_state),
        }

    def _noting(self, name: str, note: Callable[..., None]) -> Callable[..., None]:
        original = self._originals[name]
        noted = self._hooks.guarded("seeds of random", note, otherwise=None)

        @functools.wraps(original)
        def method(self: random.Random, *given: Any, **named: Any) -> None:
            original(self, *given, **named)
            noted(self, given, named)

        return method

    def _note_seed(self, seeded: random.Random, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if (given[0] if given else named.get("a")) is not None:
            self._note_state(seeded, given, named)

    def _note_state(self, seeded: random.Random, _given: tuple[Any, ...], _named: dict[str, Any]) -> None:
        self._unseeded = [each for each in self._unseeded if each() is not seeded]

    def _note(self, made: random.Random, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        seed = given[0] if given else named.get("x")
        if seed is None and not isinstance(made, random.SystemRandom):
            self._unseeded.append(weakref.ref(made))

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """Record from now on. The snapshot begins again, after the preloader."""
        for name, patch in self._patches.items():  # during the imports
            setattr(random.Random, name, patch)
        self.renew()
        if "numpy.random" in sys.modules:  # the snapshot imports more than the preloader that it is a copy of
            self.imported("numpy.random")

    def end(self) -> None:
        """Stop recording: the classes and functions are as before."""
        for name, original in self._originals.items():
            setattr(random.Random, name, original)
        if self._numpy is not None:
            self._numpy.default_rng = self._default_rng
            self._numpy = None

    def renew(self) -> None:
        """Compare with the present states from now on: a fork has other ones."""
        self._before = self._shared_states()

    def shared_use(self) -> str:
        """Return which hidden generator was seeded or used since ``begin`` or ``renew``; "" if none was."""
        now = self._shared_states()
        if _UNREADABLE in now:
            return "the state of numpy.random can't be read"
        uses = ("the import seeds or uses random", "the import seeds or uses numpy.random")
        return next((use for use, one, other in zip(uses, self._before, now, strict=True) if one != other), "")

    def _shared_states(self) -> tuple[Any, Any]:
        """Return the states of the hidden generators of ``random`` and of numpy."""
        return random.getstate(), self._hooks.call("seeds of numpy", _numpy_state, otherwise=_UNREADABLE)

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


def _numpy_state() -> Any:
    """Return the state of numpy's hidden generator; None if numpy is not imported."""
    numpy: Any = sys.modules.get("numpy.random")
    state = None if numpy is None else numpy.get_state()
    return None if state is None else (state[1].tobytes(), *state[2:])
