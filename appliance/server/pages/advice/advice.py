"""The advice about an exception: a text, and the remedy that a page may offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ....protocol.remedy_kinds import Need


class Advice(NamedTuple):
    """The advice about an exception.

    Attributes:
        text: one or two sentences; empty if nothing is known.
        needs: the remedies that a page may offer: rows of ``remedy_kinds``, with their parameters.
    """

    text: str = ""
    needs: tuple[Need, ...] = ()
