"""docs/log-events.md, made of the tables.

Owns the words around the tables. Runs by hand: ``python -m appliance.logs.documentation > docs/log-events.md``; a
test holds the file equal.
"""

from __future__ import annotations

import sys
from types import MappingProxyType

from appliance.logs.events import EVENTS, Event
from appliance.logs.project_output.output_events import BOUND
from appliance.logs.render.log_fields import ALWAYS, FIELDS, WITH_LINES
from appliance.logs.sanitise import ESCAPES, MAX_DEPTH, MAX_TEXT

_ACCESS = "request.finished"  # the first of the events that share its fields

_OPENING = """# What the log says

<!-- Made by `python -m appliance.logs.documentation`; a test holds it equal to the table in the code. -->

With `APPLIANCE_LOG_FORMAT=json`, every line of stdout is one JSON object. It opens with
"""

_CLOSING = """
Names with a dot are those of [OpenTelemetry's semantic conventions](https://opentelemetry.io/docs/specs/semconv/).
An event may bear further fields. A field that is absent was not known. NaN and the infinities become `null`, and
text in what a project prints or logs; integers beyond 64 bits become text; what is nested deeper than {depth} levels
becomes `...`; a text is cut after {characters} characters, and says how many more there were.

## What a project prints

A line that a process prints becomes one `output` event: a JSON object stands under `project`, all else is `text`. A
project can't make any other event so. A traceback is one event, at level error, and a warning with its source line is
one at level warning. A line of more than {bound} bytes goes out in parts, counted by `part`; `more` is true while the
line goes on. A line that nobody ends is such a part too, after a second or at its request's end, and its `more` stays
true. Records of `logging` are `project.logged`; [logging.md](logging.md) says which, and whose.

## Control characters

No line holds a raw control character, and no text in it, once decoded, one that can harm. Each stands as a visible
escape: `\\x1b` below U+0100, `\\u202e` above, `\\U000e0041` above U+FFFF, the digits in lower case; in the JSON its
backslash is escaped once more. Escaped are

- C0, DEL and C1; newline and tab alone stay where a text has lines by nature ({lines}), as JSON's own `\\n` and `\\t`
- the line and paragraph separators U+2028 and U+2029
- all that is not seen, with which instructions can be hidden in a text: what Unicode calls default-ignorable, and every
  format character (Cf). So bidirectional controls, zero-width spaces, soft hyphens, the byte order mark, variation
  selectors, tag characters, fillers. Kept are a joiner or non-joiner (U+200D, U+200C) between two letters, and in an
  emoji one joiner between two pictures, and one U+FE0F behind a picture or in a keycap
- lone surrogates; a byte 0x80 to 0xff that is no UTF-8 is one of them, `\\udc80` to `\\udcff`
- a backslash, as `\\\\`, only where it would be read as an escape: before a backslash, before any of these
  characters, and before the text of one of these escapes

Text of every language is untouched. To undo it, go through the text once, from left to right: two backslashes are
one, an escape of one of these characters is that character, all else is itself. In Python:

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

With [jq](https://jqlang.org) 1.6 or newer (each is tried by a test where jq is installed). `docker compose logs
--no-log-prefix app` would do as well, but compose 2.26 puts a terminal's "erase this line" before each line of it.

```sh
{recipes}
```
"""

RECIPES = MappingProxyType(
    {
        "requests that failed": """jq -c 'select(.["http.response.status_code"] >= 500)'""",
        "the slowest ten": """jq -sc 'map(select(.event == "request.finished")) | sort_by(-.duration_s) | .[:10][]'""",
        "all of one request": """jq -c --arg id 1a2b 'select(.request_id == $id)'""",
        "tracebacks, to be read": """jq -r 'select(.traceback) | .traceback'""",
        "only what the project prints": """jq -r 'select(.event == "output") | .text // (.project | tojson)'""",
    }
)


def documentation() -> str:
    """The text of docs/log-events.md."""
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
            "\n## Fields\n",
            _table(("field", "type", "meaning"), [(f"`{n}`", FIELDS[n].type, FIELDS[n].meaning) for n in sorted(used)]),
            _CLOSING.format(
                lines=", ".join(f"`{name}`" for name in sorted(WITH_LINES)),
                escapes=ESCAPES,
                depth=MAX_DEPTH,
                characters=f"{MAX_TEXT:,}",
                bound=f"{BOUND:,}",
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
    sys.stdout.write(documentation())
