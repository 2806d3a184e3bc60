"""The servers that are measured for throughput, and how each is started.

Owns the command lines. Each serves ``apps/plain.py`` with eight threads, where it lets itself be told, and writes an
access line a request, where it can. Knows nothing of the load.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import python_of

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
APPS = HERE / "apps"
SERVERS = HERE / "servers"
THREADS = 8


@dataclass(frozen=True)
class Server:
    """One of them.

    Attributes:
        key: its name in results.
        title: its name for readers.
        argv: the program; ``{port}`` stands for the port.
        logs: whether it writes a line a request.
        pure: it is written in Python alone.
        scenarios: the only ones that it can serve; empty for all.
        apart: whether its first process runs on another CPU than those that it starts.
    """

    key: str
    title: str
    argv: Sequence[str]
    logs: bool = True
    pure: bool = True
    scenarios: frozenset[str] = frozenset()
    apart: bool = False


def servers() -> tuple[Server, ...]:
    """Ours twice, then the peers, then the bare loop; their environment is made if need be."""
    ours = (
        *(sys.executable, "-I", "-m", "appliance", "serve", "--project", str(APPS), "--app", "plain:app"),
        *("--port", "{port}", "--log-format", "json", "--threads", str(THREADS)),
    )
    python = str(python_of("throughput"))
    programs = Path(python).parent
    threads = str(THREADS)
    return (
        Server("appliance", "the appliance", ours),
        Server("appliance_apart", "the appliance, supervisor on the other CPU", ours, apart=True),
        Server("django", "Django's runserver, threaded, TCP_NODELAY", _own(python, "django_threaded")),
        Server("werkzeug", "Werkzeug, threaded", _own(python, "werkzeug_threaded")),
        Server(
            "gunicorn",
            "gunicorn, gthread",
            (
                *(str(programs / "gunicorn"), "--worker-class", "gthread", "--threads", threads, "--workers", "1"),
                *("--bind", "127.0.0.1:{port}", "--access-logfile", "-", "plain:app"),
            ),
        ),
        Server(
            "waitress",
            "waitress (no access log)",
            (str(programs / "waitress-serve"), "--listen=127.0.0.1:{port}", f"--threads={threads}", "plain:app"),
            logs=False,
        ),
        Server("cheroot", "cheroot (no access log)", _own(python, "cheroot_threads"), logs=False),
        Server(
            "granian",
            "granian (Rust)",
            (
                *(str(programs / "granian"), "--interface", "wsgi", "--port", "{port}", "--workers", "1"),
                *("--access-log", "plain:app"),
            ),
            pure=False,
        ),
        Server(
            "bare",
            "a bare socket loop, no HTTP",
            _own(python, "bare_loop"),
            logs=False,
            scenarios=frozenset({"keep_alive", "one"}),
        ),
    )


def _own(python: str, name: str) -> tuple[str, ...]:
    return python, str(SERVERS / f"{name}.py"), "{port}"
