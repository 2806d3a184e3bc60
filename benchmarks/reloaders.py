"""The servers that are measured at reloading, and how each is started.

Owns the command lines. Each peer has the watcher that serves it best: watchdog below 7 for Werkzeug (7.1 breaks its
reloader), inotify for gunicorn, watchfiles for granian. Knows nothing of saves.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WERKZEUG = """
from importlib import import_module
from werkzeug.serving import run_simple
module, _, name = "{target}".partition(":")
run_simple("127.0.0.1", {port}, getattr(import_module(module), name), use_reloader=True, threaded=True)
"""


@dataclass(frozen=True)
class Reloader:
    """One way of serving.

    Attributes:
        key: its name in results.
        title: its name for readers.
        argv: the program; ``{port}``, ``{target}``, ``{folder}``, ``{python}`` and ``{programs}`` (the folder of the
            environment's programs) stand for what they say.
        frameworks: the only ones that it can serve; empty for all.
        wrapper: a program to be written into a file whose path stands for ``{wrapper}``.
        environment: further variables.
        settled: an event of its log: what it builds in the background is ready. Empty: it builds nothing.
    """

    key: str
    title: str
    argv: Sequence[str]
    frameworks: frozenset[str] = frozenset()
    wrapper: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    settled: str = ""


def reloaders() -> tuple[Reloader, ...]:
    """Ours, then the peers, which run in the project's environment."""
    ours = (
        *(sys.executable, "-I", "-m", "appliance", "serve", "--project", "{folder}", "--app", "{target}"),
        *("--port", "{port}", "--python", "{python}", "--install", "off", "--log-format", "json"),
    )
    shown = ("APPLIANCE_LOG_LEVEL", "debug")  # has the events of what it builds in the background
    off, on = (("APPLIANCE_SWAP", each) for each in ("off", "on"))
    return (
        Reloader("appliance", "the appliance", ours, environment=(shown,), settled="snapshot.ready"),
        Reloader(
            *("appliance_off", "the appliance, APPLIANCE_SWAP=off", ours),
            environment=(shown, off),
            settled="preload.ready",
        ),
        Reloader(
            *("appliance_on", "the appliance, APPLIANCE_SWAP=on", ours),
            environment=(shown, on),
            settled="snapshot.ready",
        ),
        Reloader(
            "runserver",
            "Django's runserver",
            ("{python}", "manage.py", "runserver", "127.0.0.1:{port}"),
            frameworks=frozenset({"django"}),
        ),
        Reloader(
            "flask",
            "flask run --debug",
            ("{programs}/flask", "--app", "app", "run", "--debug", "--port", "{port}"),
            frameworks=frozenset({"flask"}),
        ),
        Reloader("werkzeug", "Werkzeug's reloader", ("{python}", "{wrapper}"), wrapper=_WERKZEUG),
        Reloader(
            "gunicorn",
            "gunicorn --reload",
            (
                *("{programs}/gunicorn", "--reload", "--worker-class", "gthread", "--threads", "8"),
                *("--bind", "127.0.0.1:{port}", "--access-logfile", "-", "{target}"),
            ),
        ),
        Reloader(
            "granian",
            "granian --reload",
            (
                *("{programs}/granian", "--reload", "--interface", "wsgi", "--port", "{port}", "--access-log"),
                "{target}",
            ),
        ),
        Reloader(
            "hupper",
            "hupper with waitress",
            ("{programs}/hupper", "-m", "waitress", "--listen=127.0.0.1:{port}", "--threads=8", "{target}"),
        ),
    )
