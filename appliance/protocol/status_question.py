"""Ask the supervisor a question on its status socket: one line, answered by one JSON object.

``supervisor/reporting/status_socket`` answers. Used by the commands, and by the stand-in.
"""

from __future__ import annotations

import json
import socket
from typing import Any

_READ = 65_536


def ask_supervisor(path: str, question: str = "status", *, timeout_s: float = 2.0) -> dict[str, Any]:
    """Return the answer of the supervisor that listens at ``path``.

    Raises:
        OSError: no supervisor answers in time.
        ValueError: the answer is not a supervisor's.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(path)
        connection.sendall(question.encode() + b"\n")
        parts = []
        while part := connection.recv(_READ):
            parts.append(part)
    answer = json.loads(b"".join(parts))
    if not isinstance(answer, dict):
        raise ValueError("the answer is not a JSON object")  # noqa: TRY004  one kind of error for a wrong answer
    return answer
