"""``appliance requests``: the recorded requests in a terminal, as the desk's page lists them.

Reads the desk's database, whose place the supervisor tells.
"""

from __future__ import annotations

import json
import sys
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from appliance.commands.recorded.replay_command import replay
from appliance.commands.recorded.request_text import text_of
from appliance.config.settings import read_early
from appliance.desk import recorded_requests
from appliance.desk.database import UnreadableError, open_for_reading
from appliance.desk.filters import MOST, Filters
from appliance.duration_text import duration
from appliance.errors import RequestError, SettingsError
from appliance.logs.sanitise import sanitise
from appliance.supervisor.reporting.status_socket import ask

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_LOOK_S = 0.1  # between two looks for something new


def command(
    process: Mapping[str, str],
    flags: Mapping[str, str],
    given: Mapping[str, str],
    *,
    number: int | None,
    follow: bool,
    as_json: bool,
    replayed: bool = False,
    confirmed: bool = False,
) -> int:
    """Print the requests that the ``given`` filters let through, the newest last.

    Args:
        process: the process's environment.
        flags: the settings of the command line.
        given: the filters, by name.
        number: print this one instead, whole.
        follow: go on with those that come, until Ctrl+C.
        as_json: print JSON.
        replayed: send the request of this number again, and print how its response differs.
        confirmed: send it although its method may change data.

    Raises:
        NotRunningError: no supervisor answers.
        SettingsError: the command line lacks the number, or recording is off.
        RequestError: nothing is recorded, there is no request of this number, or it could not be sent again.
    """
    filters = _filters(given)
    if number is None and (replayed or confirmed):
        raise SettingsError(
            "--replay and --yes need the number of a request",
            expected="appliance requests NUMBER --replay",
            action="Run `appliance requests`, and choose a number.",
        )
    socket = Path(read_early(process, flags, Path.cwd()).status_socket)
    place = ask(socket).get("desk")
    if not place:
        raise SettingsError(
            "this appliance records no requests",
            expected="APPLIANCE_RECORD=on and APPLIANCE_PAGES=on, and the appliance's own user, or root",
            action="Turn both settings on, and restart the appliance.",
        )
    if replayed and number is not None:
        return replay(socket, number, confirmed=confirmed, as_json=as_json)
    try:
        with closing(open_for_reading(Path(place))) as connection:
            if number is not None:
                return _show_one(connection, number, as_json=as_json)
            seen = _show(recorded_requests.find(connection, filters), as_json=as_json)
            sys.stderr.write(warning_of(ask(socket, "recording")))
            pause = threading.Event()
            while follow:
                pause.wait(_LOOK_S)
                newer = replace(filters, after=max(seen, recorded_requests.newest(connection) - filters.limit))
                seen = max(seen, _show(recorded_requests.find(connection, newer), as_json=as_json))
    except UnreadableError as error:
        raise RequestError(
            f"nothing is recorded yet: {error}",
            expected="a request to this appliance",
            action="Open the project, and try again.",
        ) from None
    except (KeyboardInterrupt, BrokenPipeError):
        return 0
    return 0


def _filters(given: Mapping[str, str]) -> Filters:
    """Read the filters of the command line; a page's URL may have others, which filter nothing.

    Raises:
        SettingsError: one of them would filter nothing.
    """
    filters = Filters.of_query(urlencode(given))
    checks = (
        ("status", bool(filters.status), "a status, such as 404, or a class: 4xx"),
        ("slower_ms", filters.slower_ms is not None, "a whole number of milliseconds"),
        ("limit", str(filters.limit) == given.get("limit", "").strip(), f"a whole number from 1 to {MOST}"),
    )
    for name, is_read, expected in checks:
        if given.get(name) and not is_read:
            flag = f"--{name.replace('_', '-')}"
            raise SettingsError(
                f"{flag} is {given[name]!r}",
                expected=expected,
                action=f"Correct {flag}, or leave it out.",
            )
    return filters


def _show(found: list[dict[str, Any]], *, as_json: bool) -> int:
    """Print requests; return the highest id."""
    for each in reversed(found):
        sys.stdout.write((json.dumps(each) if as_json else line_of(each)) + "\n")
    sys.stdout.flush()
    return max((each["id"] for each in found), default=0)


def warning_of(answer: Mapping[str, Any]) -> str:
    """Return the line that says that new requests are not recorded; "" if they are."""
    failure = answer.get("failure")
    reason = f"{failure}".rstrip(".")
    return sanitise(f"appliance: new requests are not recorded now: {reason}.\n", lines=True) if failure else ""


def line_of(each: dict[str, Any]) -> str:
    """Return one request as a line for people."""
    clock = f"{datetime.fromtimestamp(each['at']).astimezone():%H:%M:%S}"
    status = each["status"] or each["event"].partition(".")[2]
    query = f"?{each['query']}" if each["query"] else ""
    path = sanitise(f"{each['path'] or '-'}{query}")
    again = "" if each.get("replay_of") is None else "  (sent again)"
    generation = "" if each["generation"] is None else f"gen {each['generation']}"
    return (
        f"{each['id']:>6}  {clock}  {status:<8} {duration(each['duration_s']):>9}  {generation:<8} "
        f"{sanitise(each['method'] or '-'):<7} {path}{again}"
    )


def _show_one(connection: sqlite3.Connection, number: int, *, as_json: bool) -> int:
    found = recorded_requests.read(connection, number)
    if found is None:
        raise RequestError(
            f"request {number} is not kept, or was never recorded",
            expected="a number that `appliance requests` shows",
            action="Run `appliance requests` without a number.",
        )
    sys.stdout.write((json.dumps(found) if as_json else sanitise(text_of(found, line_of(found)), lines=True)) + "\n")
    return 0
