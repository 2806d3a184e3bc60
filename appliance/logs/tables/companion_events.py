"""The events of companions: the project's other processes."""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.event_type import Event

COMPANION_EVENTS = MappingProxyType(
    {
        "companion.started": Event(
            "debug, info",
            "A companion was started. A restart after a reported failure is logged at debug.",
            ("companion", "pid", "command"),
        ),
        "companion.ended": Event(
            "debug, info",
            "A companion has ended with success, or as it was asked to; at debug if it is started again.",
            ("companion", "how", "duration_s"),
        ),
        "companion.failed": Event(
            "warning",
            "A companion has failed, or could not be started. Only the first failure in a row is logged.",
            ("companion", "how", "after_s", "action"),
        ),
        "companion.missing": Event(
            "warning",
            "The program of a companion does not exist, or can't be executed.",
            ("companion", "how", "after_s", "action"),
        ),
        "companion.crashing": Event(
            "error",
            "A companion has failed several times in a row. It is still started again, after longer pauses, at debug.",
            ("companion", "how", "after_s", "count", "action"),
        ),
        "companion.skipped": Event(
            "info",
            "An entry of Procfile.dev is not run, because it serves the application.",
            ("companion", "command", "reason", "action"),
        ),
        "companion.unread": Event(
            "warning",
            "A declaration of companions can't be read, or names something that does not exist; `count` in this file.",
            ("file", "line", "reason", "count", "action"),
        ),
    }
)
