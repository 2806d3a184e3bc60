"""A client that saves a file and asks until the new code answers, and what it met meanwhile.

Owns the edit and the asking: one new connection after the other. Knows nothing of servers.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_PAUSE_S = 0.002  # between two connections: a client is no load
_SAID = re.compile(rb"version (\d+)")
_PATIENCE_S = 10.0


@dataclass
class Met:
    """What the saves of one server have come to.

    Attributes:
        served_s: from each save to the first answer of the new code.
        missed: saves that never were answered.
        refused: connections that were not accepted.
        cut: connections that ended without a whole answer.
        failed: answers with a status of 500 or more.
        stale: answers of older code than one seen before.
    """

    served_s: list[float] = field(default_factory=list)
    missed: int = 0
    refused: int = 0
    cut: int = 0
    failed: int = 0
    stale: int = 0


def save(file: Path, version: int, *, longer: bool = False, inside: bool = False) -> float:
    """Save the file with this version, and one line longer if so; when, on CLOCK_MONOTONIC."""
    return write(file, with_version(file.read_text(), version, inside=inside) + "#\n" * longer)


def with_version(code: str, version: int, *, inside: bool = False) -> str:
    """The code, with this version: at its top, or inside a function."""
    place = r"^( +)VERSION = \d+$" if inside else r"^()VERSION = \d+$"
    return re.sub(place, rf"\1VERSION = {version}", code, flags=re.MULTILINE)


def write(file: Path, text: str) -> float:
    """Save the file with this text, by a rename over it, as editors do; when, on CLOCK_MONOTONIC."""
    aside = file.with_name(f".{file.name}.saved")
    aside.write_text(text)
    aside.replace(file)
    return time.monotonic()


def ask_until(port: int, version: int, since: float, met: Met) -> None:
    """Ask until this version answers; what was met goes to ``met``."""
    seen = 0
    while time.monotonic() < since + _PATIENCE_S:
        answer = _ask(port, met)
        said = _SAID.search(answer)
        if said is not None:
            if int(said[1]) == version:
                met.served_s.append(time.monotonic() - since)
                return
            met.stale += int(said[1]) < seen
            seen = max(seen, int(said[1]))
        time.sleep(_PAUSE_S)  # noqa: TID251  the rate at which it asks
    met.missed += 1


def _ask(port: int, met: Met) -> bytes:
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
    except OSError:
        met.refused += 1
        return b""
    answer = b""
    with connection:
        try:
            connection.sendall(_REQUEST)
            while part := connection.recv(65536):
                answer += part
        except OSError:
            met.cut += 1
            return b""
    if not answer.startswith(b"HTTP/1.") or b"\r\n\r\n" not in answer:
        met.cut += 1
        return b""
    if answer[9:10] == b"5":
        met.failed += 1
        return b""
    return answer
