"""Limit the size of a message to the supervisor, whatever the project put into it.

Long texts are cut and say so, deep and wide values are pruned, and types that JSON does not know become a text. Runs in
every worker, but only for messages that are too large or not JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.channel import ChannelError

if TYPE_CHECKING:
    from ..protocol.channel import Channel, Message

LONGEST_MESSAGE = 1024 * 1024  # bytes
LONGEST_TEXT = 64 * 1024  # characters; JSON makes at most six bytes of each
MOST_TEXT = 256 * 1024  # of all texts of one value
MOST_ITEMS = 10_000  # values, in all
DEEPEST = 20
_PLAIN = (int, float, bool, type(None))


class _Room:
    """The room left for one value and all that it contains."""

    def __init__(self) -> None:
        self.text = MOST_TEXT
        self.items = MOST_ITEMS


def bounded(value: Any) -> Any:
    """Return the same value as JSON's types, cut where it is too large."""
    return _bounded(value, _Room(), DEEPEST)


def _bounded(value: Any, room: _Room, depth: int) -> Any:
    room.items -= 1
    kind = type(value)
    if kind in _PLAIN:
        return value if kind is not int or abs(value) < 2**63 else _cut(repr(value)[:100], room)
    if kind is str:
        return _cut(value, room)
    if depth <= 0:
        return "... (deeper)"
    if isinstance(value, dict):
        return _mapping(value, room, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(value, room, depth)
    return _cut(_shown(value), room)


def _mapping(value: dict[Any, Any], room: _Room, depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, each in list(value.items()):
        if room.items <= 0:
            kept["..."] = f"{len(value) - len(kept)} more"
            break
        kept[_cut(name if type(name) is str else _shown(name), room)] = _bounded(each, room, depth - 1)
    return kept


def _sequence(value: Any, room: _Room, depth: int) -> list[Any]:
    kept: list[Any] = []
    for each in list(value):
        if room.items <= 0:
            kept.append(f"... ({len(value) - len(kept)} more)")
            break
        kept.append(_bounded(each, room, depth - 1))
    return kept


def _cut(text: str, room: _Room) -> str:
    most = max(0, min(LONGEST_TEXT, room.text))
    if len(text) > most:
        text = f"{text[:most]}... ({len(text)} characters)"
    room.text -= len(text)
    return text


def _shown(value: object) -> str:
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
        channel.send(type(message)(**{name: bounded(value) for name, value in vars(message).items()}))
