"""``appliance status``: what the supervisor of this project says.

Owns its wording for people; ``--json`` is the supervisor's own answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.boot.settings import read_early
from appliance.supervisor.status import ask

if TYPE_CHECKING:
    from collections.abc import Mapping


def command(process: Mapping[str, str], flags: Mapping[str, str], *, as_json: bool, live: bool) -> int:
    """0 where the project is served (``--live``: where the supervisor answers), 1 where it is not.

    Raises:
        NotRunningError: no supervisor answers.
    """
    status = ask(Path(read_early(process, flags, Path.cwd()).status_socket))
    sys.stdout.write((json.dumps(status) if as_json else words(status)) + "\n")
    return 0 if live or status["health"] == "healthy" else 1


def words(status: dict[str, Any]) -> str:
    """The state as people read it."""
    lines = [
        f"{status['health']}: {status['state']}, generation {status['generation']}",
        f"url          {status['url']}",
    ]
    application = status.get("application")
    if application:
        lines.append(f"application  {application['name']} ({application['framework'] or 'WSGI'})")
    lines.append(f"project      {status['project']}")
    if status.get("python"):
        lines.append(f"worker       pid {status['worker_pid']}, Python {status['python']}")
    lines.append(f"uptime       {status['uptime_s']:.0f} s")
    error = status.get("error")
    if error:
        where = f"{error['file']}:{error['line']}" if error.get("file") else ""
        lines += [
            "",
            *(text for text in (error["title"], where, error["lead"], error["action"], error["details"]) if text),
        ]
    return "\n".join(lines)
