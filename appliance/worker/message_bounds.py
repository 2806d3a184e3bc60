"""What a message to the supervisor may hold at most, whatever the project has put into it.

Owns the cutting: long texts are cut and say so, deep and wide values are pruned, and what JSON does not know becomes
its representation. Knows nothing of what a value means. Runs in every worker, only for what is too much as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.channel import ChannelError

if TYPE_CHECKING:
    from ..protocol.channel import Channel, Message

LONGEST_MESSAGE = 1024 * 1024  # bytes
LONGEST_TEXT = 64 * 1024  # characters; JSON makes at most six bytes of one
MOST_TEXT = 256 * 1024  # of all texts of one value
MOST_ITEMS = 10_000  # values, in all
DEEPEST = 20
_PLAIN = (int, float, bool, type(None))


class _Room:
    """What is left for one value and all that is in it."""

    def __init__(self) -> None:
        self.text = MOST_TEXT
        self.items = MOST_ITEMS


def bounded(value: Any) -> Any:
    """The same value as JSON's own types, cut where it is too much."""
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
    """What it is, by its type's name alone: a representation is the project's own code."""
    return f"<{type(value).__name__}>"


def send(channel: Channel, message: Message) -> None:
    """Send a message that the project's own words are in, bounded where it has to be.

    Raises:
        ChannelError: the supervisor has gone.
    """
    try:
        channel.send(message, most=LONGEST_MESSAGE)
    except ChannelError:
        raise
    except Exception:  # noqa: BLE001  too much, or what JSON can't hold
        channel.send(type(message)(**{name: bounded(value) for name, value in vars(message).items()}))
