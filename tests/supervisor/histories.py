"""Histories of events for the tables that decide over time: pure functions ``(state, event) -> (state, actions)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

S = TypeVar("S")
E = TypeVar("E")
A = TypeVar("A")


class History(Generic[S, E, A]):
    """Takes events through one table, from its first state or from another."""

    def __init__(self, step: Callable[[S, E], tuple[S, tuple[A, ...]]], initial: Callable[[], S]) -> None:
        self._step = step
        self._initial = initial

    def __call__(self, *events: E, state: S | None = None) -> tuple[S, list[A]]:
        """The state after these events, and the actions of the last."""
        now = self._initial() if state is None else state
        actions: tuple[A, ...] = ()
        for event in events:
            now, actions = self._step(now, event)
        return now, list(actions)
