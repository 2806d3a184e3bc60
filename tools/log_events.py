"""``python -m tools.log_events``: write docs/log-events.md, from the tables of events and fields."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from appliance.logs.events import EVENTS
from appliance.logs.project_output.output_events import MAX_LINE
from appliance.logs.render.log_fields import ALWAYS, FIELDS, WITH_LINES
from appliance.logs.sanitise import ESCAPES, MAX_DEPTH, MAX_TEXT

if TYPE_CHECKING:
    from appliance.logs.tables.event_type import Event

PAGE = Path(__file__).parent.parent / "docs" / "log-events.md"
_ACCESS = "request.finished"  # the first of the events that share its fields

_OPENING = """# What the log says

<!-- Made by `python -m tools.log_events`; a test compares it with the table in the code. -->

With `APPLIANCE_LOG_FORMAT=json`, every line of stdout is one JSON object. It begins with these fields:
"""

_TO_DO = """Warnings and errors say in `action` what to do about them. For these events, `action` is always the same:
"""

_CLOSING = """
Names with a dot are those of [OpenTelemetry's semantic conventions](https://opentelemetry.io/docs/specs/semconv/).
An event may have further fields. A missing field means that its value is unknown. NaN and the infinities become `null`,
and text in what a project prints or logs; integers beyond 64 bits become text; values that are nested deeper than
{depth} levels become `...`; a text is cut after {characters} characters, and ends with the number of characters left
out.

## What a project prints

A line that a process prints becomes one `output` event: a JSON object goes into `project`, everything else into `text`.
A project can't create any other event this way. A traceback is one event, at level error, and a warning with its source
line is one at level warning. A line of more than {bound} bytes is split into parts, counted by `part`; `more` is true
while the line goes on. A line without an end becomes such a part too, after a second or at the end of its request, and
its `more` stays true. Records of `logging` become `project.logged`; [logging.md](logging.md) says which records.

## Control characters

No line holds a raw control character, and no text in it, once decoded, one that can do harm. Each is written as a
visible escape: `\\x1b` below U+0100, `\\u202e` above, `\\U000e0041` above U+FFFF, with lower-case digits; the JSON
escapes its backslash once more. These are escaped:

- C0, DEL and C1; only newline and tab stay in texts of several lines ({lines}), as JSON's own `\\n` and `\\t`
- the line and paragraph separators U+2028 and U+2029
- all invisible characters, which can hide instructions in a text: what Unicode calls default-ignorable, and every
  format character (Cf). So bidirectional controls, zero-width spaces, soft hyphens, the byte order mark, variation
  selectors, tag characters, fillers. Exceptions: a joiner or non-joiner (U+200D, U+200C) between two letters, and in an
  emoji one joiner between two pictures, and one U+FE0F after a picture or in a keycap
- lone surrogates; a byte 0x80 to 0xff that is not UTF-8 is one of them, `\\udc80` to `\\udcff`
- a backslash, as `\\\\`, only where it would be read as an escape: before a backslash, before any of these
  characters, and before the text of one of these escapes

Text of every language is unchanged. To undo the escapes, go through the text once, from left to right: two backslashes
are one, an escape of one of these characters is that character, everything else is itself. In Python:

```python
import re

ESCAPE = re.compile(
    r"\\\\(?:(\\\\)|x({escapes[0]})"
    r"|u({escapes[1]})"
    r"|U({escapes[2]}))"
)


def restore(text):
    return ESCAPE.sub(lambda found: "\\\\" if found[1] else chr(int(found[2] or found[3] or found[4], 16)), text)
```

## Recipes

With [jq](https://jqlang.org) 1.6 or newer (a test runs each where jq is installed). `docker compose logs
--no-log-prefix app` would work too, but compose 2.26 puts a terminal's "erase this line" before each line.

```sh
{recipes}
```
"""

RECIPES = MappingProxyType(
    {
        "requests that failed": """jq -c 'select(.["http.response.status_code"] >= 500)'""",
        "the slowest ten": """jq -sc 'map(select(.event == "request.finished")) | sort_by(-.duration_s) | .[:10][]'""",
        "all of one request": """jq -c --arg id 1a2b 'select(.request_id == $id)'""",
        "tracebacks, for reading": """jq -r 'select(.traceback) | .traceback'""",
        "only what the project prints": """jq -r 'select(.event == "output") | .text // (.project | tojson)'""",
    }
)


def page() -> str:
    """Return the text of docs/log-events.md."""
    used = {name for event in EVENTS.values() for name in event.fields}
    return "\n".join(
        [
            _OPENING,
            _table(("field", "type", "meaning"), [(f"`{n}`", f.type, f.meaning) for n, f in ALWAYS.items()]),
            "\n## Events\n",
            _table(
                ("event", "level", "when", "fields"),
                [(f"`{name}`", event.level, event.meaning, _fields(name, event)) for name, event in EVENTS.items()],
            ),
            "\n## What to do\n",
            _TO_DO,
            _table(
                ("event", "`action`"), [(f"`{name}`", event.action) for name, event in EVENTS.items() if event.action]
            ),
            "\n## Fields\n",
            _table(("field", "type", "meaning"), [(f"`{n}`", FIELDS[n].type, FIELDS[n].meaning) for n in sorted(used)]),
            _CLOSING.format(
                lines=", ".join(f"`{name}`" for name in sorted(WITH_LINES)),
                escapes=ESCAPES,
                depth=MAX_DEPTH,
                characters=f"{MAX_TEXT:,}",
                bound=f"{MAX_LINE:,}",
                recipes="\n".join(
                    f"docker logs $(docker compose ps -q app) | {r}  # {what}" for what, r in RECIPES.items()
                ),
            ),
        ]
    )


def _fields(name: str, event: Event) -> str:
    if name != _ACCESS and event.fields == EVENTS[_ACCESS].fields:
        return f"those of `{_ACCESS}`"
    return ", ".join(f"`{field}`" for field in event.fields)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, tuple("---" for _ in head), *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
