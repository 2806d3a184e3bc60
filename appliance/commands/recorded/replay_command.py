"""``appliance requests NUMBER --replay``: send a recorded request again, and show how its response differs.

The recorder sends it, as for the desk's page. A method that is not safe is asked for first.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from appliance.desk.comparison.compare import difference_line
from appliance.duration_text import duration
from appliance.errors import RequestError
from appliance.logs.sanitise import sanitise
from appliance.plural import counted
from appliance.protocol.page_messages import REPLAYED_S
from appliance.refused import RefusedError
from appliance.supervisor.reporting.status_socket import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIFFERS = 1  # the exit code, as diff's


def replay(socket: Path, number: int, *, confirmed: bool, as_json: bool) -> int:
    """Send the request; return 0 if the response is as it was recorded, 1 if it differs.

    Raises:
        NotRunningError: no supervisor answers.
        RequestError: the method may change data, and nobody has confirmed it; or it could not be sent.
    """
    answer = _ask(socket, number, confirmed=confirmed)
    if "unconfirmed" in answer:
        if not _is_confirmed(answer["unconfirmed"]):
            raise RequestError(
                f"{answer['unconfirmed']} may change data of the project, and would do it again; nothing was sent",
                expected="a confirmation, or a method such as GET",
                action=f"Run `appliance requests {number} --replay --yes`, or answer y on a terminal.",
            )
        answer = _ask(socket, number, confirmed=True)
    if "error" in answer:
        refused = RefusedError.of_text(str(answer["error"]))
        raise RequestError(
            refused.found.rstrip("."),
            expected="a recorded request, and a project that answers",
            action=refused.action
            or "Run `appliance requests` for the numbers, and `appliance status` for the state of the project.",
        )
    text = json.dumps(answer) if as_json else sanitise("\n".join(_lines(answer)), lines=True)
    sys.stdout.write(f"{text}\n")
    return _DIFFERS if answer["differences"] else 0


def _ask(socket: Path, number: int, *, confirmed: bool) -> dict[str, Any]:
    question = json.dumps({"number": number, "confirmed": confirmed})
    return ask(socket, f"send_again {question}", timeout_s=REPLAYED_S)


def _is_confirmed(method: str) -> bool:
    """Ask on a terminal."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{method} may change data of the project, and would do it again. Send it? [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return False


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    for name in ("before", "after"):
        yield f"{name + ':':<8}{_outcome(answer[name])}"
    if answer.get("left_out"):
        yield f"left out, because only masked values are known: {', '.join(answer['left_out'])}"
    if answer.get("replayed"):
        yield f"recorded as request {answer['replayed']}"
    yield ""
    if not answer["differences"]:
        yield "No difference."
    for each in answer["differences"]:
        yield difference_line(each)
        yield from (f"  {kind}{text}" for kind, text in each.get("lines", ()))


def _outcome(shown: dict[str, Any]) -> str:
    queries = shown["queries"]
    asked = [] if queries is None else [counted(queries, "query", "queries")]
    return ", ".join([f"status {shown['status'] or 'none'}", duration(shown["duration_s"]), *asked])
