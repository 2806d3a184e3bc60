"""The effects of one request, except its queries, up to limits: they become a part of the message about the request."""

from __future__ import annotations

from typing import Any

from ....protocol.request_details import (
    CACHES_MAX,
    CALLS_MAX,
    CALLS_TEXT_MAX,
    MAIL_ROOM,
    MAILS_MAX,
    TEMPLATE_NAME_MAX,
    TEMPLATES_MAX,
    encoded_size,
)


class Effects:
    """Made when there is a first effect. Called from the threads of the request."""

    __slots__ = (
        "_caches", "_calls", "_calls_left_out", "_calls_room", "_mail_room", "_mails", "_mails_left_out", "_templates",
        "_templates_left_out",
    )  # fmt: skip

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._calls_left_out = 0
        self._calls_room = CALLS_TEXT_MAX
        self._mails: list[dict[str, Any]] = []
        self._mails_left_out = 0
        self._mail_room = MAIL_ROOM
        self._templates: dict[tuple[str, str], list[int]] = {}  # of each, how often, and the microseconds
        self._templates_left_out = 0
        self._caches: dict[str, list[int]] = {}  # of each, hits, misses, writes, and the microseconds

    def add_call(self, call: dict[str, Any]) -> int:
        """Note an outgoing call; its result is added to this dict later. Return its number, or 0 for one too many."""
        size = wire_size(call["url"]) + wire_size(call["place"])
        if len(self._calls) < CALLS_MAX and size <= self._calls_room:
            self._calls_room -= size
            self._calls.append(call)
            return len(self._calls)
        self._calls_left_out += 1
        return 0

    def calls(self) -> list[dict[str, Any]]:
        """Return the outgoing calls as JSON values."""
        return [dict(each) for each in self._calls]  # another thread may still add a result

    def call_total(self) -> tuple[int, int]:
        """Return how many calls there were so far, and the microseconds of those that are kept."""
        return len(self._calls) + self._calls_left_out, sum(each.get("took_us", 0) for each in self._calls)

    def add_mail(self, note: dict[str, Any]) -> None:
        """Note a mail, its texts as far as there is room."""
        room = self._mail_room - encoded_size({**note, "text": "", "html": ""})
        if len(self._mails) >= MAILS_MAX or room < 0:
            self._mails_left_out += 1
            return
        for field in ("text", "html"):
            text = note.get(field, "")
            if (size := encoded_size(text)) > room:
                kept = room // 6  # the longest form of a character
                note[field], note[f"{field}_cut"] = text[:kept], note.get(f"{field}_cut", 0) + len(text) - kept
                size = encoded_size(note[field])
            room -= size
        self._mail_room = max(0, room)
        self._mails.append(note)

    def add_template(self, engine: str, name: object, took_s: float) -> None:
        """Note that a template was rendered."""
        key = (engine, "" if name is None else str(name)[:TEMPLATE_NAME_MAX])
        noted = self._templates.get(key)
        if noted is None:
            if len(self._templates) >= TEMPLATES_MAX:
                self._templates_left_out += 1
                return
            noted = self._templates[key] = [0, 0]
        noted[0] += 1
        noted[1] += int(took_s * 1_000_000)

    def add_cache_use(self, cache: str, counts: tuple[int, int, int], took_s: float) -> None:
        """Note a call of a cache: hits, misses, writes."""
        noted = self._caches.get(cache)
        if noted is None:
            if len(self._caches) >= CACHES_MAX:
                return
            noted = self._caches[cache[:TEMPLATE_NAME_MAX]] = [0, 0, 0, 0]
        for place, count in enumerate((*counts, int(took_s * 1_000_000))):
            noted[place] += count

    def to_wire(self) -> dict[str, Any]:
        """Return the effects as JSON values."""
        found: dict[str, Any] = {}
        if self._calls:
            found["calls"] = self.calls()
        if self._calls_left_out:
            found["calls_left_out"] = self._calls_left_out
        if self._mails:
            found["mails"] = self._mails
        if self._mails_left_out:
            found["mails_left_out"] = self._mails_left_out
        if self._templates:
            found["templates"] = [[*key, *noted] for key, noted in list(self._templates.items())]
        if self._templates_left_out:
            found["templates_left_out"] = self._templates_left_out
        if self._caches:
            found["caches"] = [[name, *noted] for name, noted in list(self._caches.items())]
        return found


def wire_size(text: str) -> int:
    """Return how long a text may be in JSON, where other characters than ASCII take six."""
    return len(text) if text.isascii() else 6 * len(text)
