"""Compare two outcomes: each difference is a dict of texts, which pages show and the log counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from appliance.desk.comparison import json_difference
from appliance.desk.comparison.line_difference import difference, lines_of, shortened, with_context
from appliance.desk.comparison.volatile_parts import Volatile, of_lines, of_paths
from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.comparison.outcome import Outcome

# Fields that differ from one response to the next, and those that follow from the content or the connection.
VOLATILE = frozenset(
    {
        "age", "cf-ray", "connection", "content-length", "date", "etag", "expires", "keep-alive", "last-modified",
        "server-timing", "traceparent", "x-correlation-id", "x-request-id", "x-response-time", "x-runtime",
        "x-trace-id",
    }
)  # fmt: skip
_NONE = Volatile()
_NONCE = re.compile(r"nonce-[A-Za-z0-9+/=_-]{4,200}")
_EXPIRES = re.compile(r"(?i);\s{0,10}expires=[^;]{0,80}")

Found = dict[str, Any]


def compare(before: Outcome, after: Outcome, volatile: Volatile = _NONE) -> list[Found]:
    """Return the differences, each with ``what``: "status", "field", "queries" or "content"; without what is volatile.

    ``before`` and ``after`` are texts, None if there is none. A "field" has its ``name``. A "content" has a ``path``
    of JSON; or ``lines``, each a pair of " ", "-" or "+" and a text.
    """
    found: list[Found] = []
    if before.status != after.status:
        found.append(_change("status", str(before.status or "none"), str(after.status or "none")))
    found += [each for each in _fields(before.fields, after.fields) if each["name"] not in volatile.fields]
    if before.queries is not None and after.queries is not None and before.queries != after.queries:
        found.append(_change("queries", str(before.queries), str(after.queries)))
    return found + _content(before, after, volatile)


def volatile_of(one: Outcome, other: Outcome) -> Volatile:
    """Return the differences between two responses of the same code."""
    found = [*_fields(one.fields, other.fields), *_content(one, other, _NONE)]
    names = frozenset(each["name"] for each in found if each["what"] == "field")
    paths = of_paths(each["path"] for each in found if each.get("path"))
    if not any(each.get("lines") for each in found):
        return Volatile(names, paths)
    texts = [lines_of(each.content or "", each.kind) for each in (one, other)]
    return Volatile(names, paths, of_lines(difference(*texts)))


def _change(what: str, before: str | None, after: str | None, **more: Any) -> Found:
    return {"what": what, **more, "before": before, "after": after}


def _fields(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> list[Found]:
    one, other = _by_name(before), _by_name(after)
    return [
        _change("field", one.get(name), other.get(name), name=name)
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def _by_name(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        low = name.lower()
        if low in VOLATILE:
            continue
        lasting = _EXPIRES.sub("", value) if low == "set-cookie" else _NONCE.sub("nonce-*", value)
        found[low] = f"{found[low]}, {lasting}" if low in found else lasting
    return found


def _content(before: Outcome, after: Outcome, volatile: Volatile) -> list[Found]:
    if before.is_whole and after.is_whole and before.digest == after.digest and before.digest:
        return []
    if before.content is None or after.content is None:
        return _sizes(before, after)
    is_json, value = json_difference.parsed(before.content)
    is_json_after, value_after = json_difference.parsed(after.content)
    if is_json and is_json_after:
        changes = json_difference.changes(value, value_after)
        lasting = (each for each in changes if not volatile.has_path(each.path))
        return [_change("content", each.before, each.after, path=each.path) for each in lasting]
    one, other = before.content, after.content
    if not (
        before.is_whole and after.is_whole
    ):  # only the start of one is known: more of the other is not a difference
        most = min(len(one), len(other))
        one, other = one[:most], other[:most]
    if one == other:
        return []
    texts = ([volatile.line(each) for each in lines_of(*both)] for both in ((one, before.kind), (other, after.kind)))
    lines = difference(*texts)
    if all(line.kind == " " for line in lines):
        return []
    counts = [sum(line.kind == kind for line in lines) for kind in "-+"]
    shown = shortened(with_context(lines))
    return [{"what": "content", "lines": [list(each) for each in shown], "removed": counts[0], "added": counts[1]}]


def _sizes(before: Outcome, after: Outcome) -> list[Found]:
    """Compare binary bodies, by size and hash; by size where only the start of one is known."""
    has_hashes = before.is_whole and after.is_whole and before.digest and after.digest
    if before.content == after.content and before.size == after.size and not has_hashes:
        return []
    texts = [f"{each.size} bytes, SHA-256 {each.digest[:16] or 'unknown'}" for each in (before, after)]
    return [_change("content", *texts)] if texts[0] != texts[1] else []


def difference_line(each: Found) -> str:
    """Return one difference as a line of text."""
    if each.get("lines"):
        return f"content: {counted(each['removed'], 'line')} removed, {each['added']} added"
    name = " ".join(filter(None, [each["what"], each.get("name"), each.get("path")]))
    return f"{name}: {_or_nothing(each['before'])} -> {_or_nothing(each['after'])}"


def _or_nothing(text: str | None) -> str:
    return "(none)" if text is None else text
