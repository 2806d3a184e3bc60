"""The difference of two JSON values, by paths such as ``$.items[3].name``; bounded in depth, number and time."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import orjson

_DEPTH_MAX = 64
_MOST = 100  # differences
_TEXT_MAX = 200  # characters of a value that are shown
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,80}")


class Change(NamedTuple):
    """A place where two values differ; ``before`` or ``after`` is None where there is nothing."""

    path: str
    before: str | None
    after: str | None


def parsed(text: str | None) -> tuple[bool, Any]:
    """Return whether a text is JSON, and its value; what is too deep or large to be written again counts as text."""
    if not text:
        return False, None
    try:
        value = json.loads(text, parse_constant=_refuse)  # orjson rounds integers of more than 64 bits
        _dumped(value)
    except (ValueError, TypeError, RecursionError):
        return False, None
    return True, value


def _refuse(constant: str) -> None:
    """Refuse NaN and the infinities, which are not JSON."""
    raise ValueError(constant)


def changes(before: Any, after: Any) -> list[Change]:
    """Return the places where two values differ, in the order of the first value; at most a hundred."""
    found: list[Change] = []
    _compare(before, after, "$", found, _DEPTH_MAX)
    return found[:_MOST]


def _compare(before: Any, after: Any, path: str, found: list[Change], depth: int) -> None:
    if len(found) >= _MOST:
        return
    if isinstance(before, dict) and isinstance(after, dict) and depth:
        for name, value in before.items():
            place = _member(path, name)
            if name in after:
                _compare(value, after[name], place, found, depth - 1)
            else:
                found.append(Change(place, _text(value), None))
        found += [Change(_member(path, name), None, _text(after[name])) for name in after if name not in before]
    elif isinstance(before, list) and isinstance(after, list) and depth:
        _compare_lists(before, after, path, found, depth)
    elif type(before) is not type(after) or _dumped(before) != _dumped(after):
        found.append(Change(path, _text(before), _text(after)))


def _compare_lists(before: list[Any], after: list[Any], path: str, found: list[Change], depth: int) -> None:
    """Compare lists so that an item which was inserted or removed makes no difference of the items after it."""
    begin, end = 0, 0
    if len(before) != len(after):
        one, other = [_dumped(each) for each in before], [_dumped(each) for each in after]
        least = min(len(one), len(other))
        while begin < least and one[begin] == other[begin]:
            begin += 1
        while end < least - begin and one[-1 - end] == other[-1 - end]:
            end += 1
    rest, rest_after = before[begin : len(before) - end], after[begin : len(after) - end]
    shared = min(len(rest), len(rest_after))
    for index in range(shared):
        _compare(rest[index], rest_after[index], f"{path}[{begin + index}]", found, depth - 1)
        if len(found) >= _MOST:
            return
    found += [Change(f"{path}[{begin + n}]", _text(each), None) for n, each in enumerate(rest[shared:][:_MOST], shared)]
    found += [
        Change(f"{path}[{begin + n}]", None, _text(each)) for n, each in enumerate(rest_after[shared:][:_MOST], shared)
    ]


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{_text(name)}]"


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _text(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."
