"""Limit the size of a message to the supervisor, whatever values of the project it contains.

Long texts are cut and say so, deep and wide values are pruned, and types that JSON does not know become a text. Runs in
every worker and in the stand-in, but only for messages that are too large or not JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.channel import ChannelError

if TYPE_CHECKING:
    from ..protocol.channel import Channel
    from ..protocol.record import Message

LONGEST_MESSAGE = 1024 * 1024  # bytes
LONGEST_TEXT = 64 * 1024  # characters; JSON makes at most six bytes of each
MOST_TEXT = 256 * 1024  # of all texts of one value
MOST_ITEMS = 10_000  # values, in all
DEEPEST = 20
_PLAIN = (int, float, bool, type(None))


class _Budget:
    """The room left for one value and all that it contains."""

    def __init__(self) -> None:
        self.text = MOST_TEXT
        self.items = MOST_ITEMS


def limited(value: Any) -> Any:
    """Return a value as JSON's types, cut where it is too large."""
    return _limited(value, _Budget(), DEEPEST)


def _limited(value: Any, budget: _Budget, depth: int) -> Any:
    budget.items -= 1
    kind = type(value)
    if kind in _PLAIN:
        return value if kind is not int or abs(value) < 2**63 else _shorten(repr(value)[:100], budget)
    if kind is str:
        return _shorten(value, budget)
    if depth <= 0:
        return "... (deeper)"
    if isinstance(value, dict):
        return _mapping(value, budget, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(value, budget, depth)
    return _shorten(_type_text(value), budget)


def _mapping(value: dict[Any, Any], budget: _Budget, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, each in list(value.items()):
        if budget.items <= 0:
            result["..."] = f"{len(value) - len(result)} more"
            break
        result[_shorten(name if type(name) is str else _type_text(name), budget)] = _limited(each, budget, depth - 1)
    return result


def _sequence(value: Any, budget: _Budget, depth: int) -> list[Any]:
    result: list[Any] = []
    for each in list(value):
        if budget.items <= 0:
            result.append(f"... ({len(value) - len(result)} more)")
            break
        result.append(_limited(each, budget, depth - 1))
    return result


def _shorten(text: str, budget: _Budget) -> str:
    most = max(0, min(LONGEST_TEXT, budget.text))
    if len(text) > most:
        text = f"{text[:most]}... ({len(text)} characters)"
    budget.text -= len(text)
    return text


def _type_text(value: object) -> str:
    """Return the type's name only: a representation would run the project's code."""
    return f"<{type(value).__name__}>"


def send(channel: Channel, message: Message) -> None:
    """Send a message with values of the project, cut if necessary.

    Raises:
        ChannelError: the supervisor has gone.
    """
    try:
        channel.send(message, most=LONGEST_MESSAGE)
    except ChannelError:
        raise
    except Exception:  # noqa: BLE001  too large, or not JSON
        channel.send(type(message)(**{name: limited(value) for name, value in vars(message).items()}))
