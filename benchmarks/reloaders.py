"""The servers that are measured at reloading, the projects that they serve, and how each is started.

Owns the command lines. Each peer has the watcher that serves it best: watchdog below 7 for Werkzeug (7.1 breaks its
reloader), inotify for gunicorn, watchfiles for granian. Knows nothing of saves.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import python_of

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECTS = Path(__file__).with_name("projects")
_WERKZEUG = """
from importlib import import_module
from werkzeug.serving import run_simple
module, _, name = "{target}".partition(":")
run_simple("127.0.0.1", {port}, getattr(import_module(module), name), use_reloader=True, threaded=True)
"""


@dataclass(frozen=True)
class Project:
    """One of them.

    Attributes:
        key: its name in results, and its folder's.
        title: its name for readers.
        target: its application, as ``module:name``.
        edited: the file that is saved.
        more: how many modules lie beside it that nobody imports.
        every_s: between two saves, from the first answer on; 0 for saves at a person's pace, once all has settled.
    """

    key: str
    title: str
    target: str
    edited: str
    more: int = 0
    every_s: float = 0.0

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return PROJECTS / self.key.removesuffix("_10000").removesuffix("_hasty")


@dataclass(frozen=True)
class Reloader:
    """One way of serving.

    Attributes:
        key: its name in results.
        title: its name for readers.
        argv: the program; ``{port}``, ``{target}`` and ``{folder}`` stand for what they say.
        projects: the only ones that it can serve; empty for all.
        wrapper: a program to be written into a file whose path stands for ``{wrapper}``.
    """

    key: str
    title: str
    argv: Sequence[str]
    projects: frozenset[str] = frozenset()
    wrapper: str = ""


PROJECT_LIST = (
    Project("one_file", "One file", "app:app", "app.py"),
    Project("flask_sqlalchemy", "Flask with SQLAlchemy", "app:app", "notes/views.py"),
    Project("django_rest", "Django with REST framework", "site_of_books.wsgi:application", "catalogue/views.py"),
    Project("flask_pandas", "Flask with pandas", "app:app", "sales/views.py"),
    Project("one_file_10000", "One file among 10,000", "app:app", "app.py", more=10_000),
    Project("one_file_hasty", "One file, saved every 0.3 s from the start", "app:app", "app.py", every_s=0.3),
    Project(
        "flask_sqlalchemy_hasty",
        "Flask with SQLAlchemy, saved every 0.3 s from the start",
        "app:app",
        "notes/views.py",
        every_s=0.3,
    ),
    Project(
        "django_rest_hasty",
        "Django with REST framework, saved every 0.3 s from the start",
        "site_of_books.wsgi:application",
        "catalogue/views.py",
        every_s=0.3,
    ),
)


def reloaders() -> tuple[Reloader, ...]:
    """Ours, then the peers; their environment is made if need be, and the projects run in it."""
    python = str(python_of("reload"))
    programs = Path(python).parent
    flask = frozenset({"flask_sqlalchemy", "flask_pandas", "flask_sqlalchemy_hasty"})
    return (
        Reloader(
            "appliance",
            "the appliance",
            (
                *(sys.executable, "-I", "-m", "appliance", "serve", "--project", "{folder}", "--app", "{target}"),
                *("--port", "{port}", "--python", python, "--install", "off", "--log-format", "json"),
            ),
        ),
        Reloader(
            "runserver",
            "Django's runserver",
            (python, "manage.py", "runserver", "127.0.0.1:{port}"),
            projects=frozenset({"django_rest", "django_rest_hasty"}),
        ),
        Reloader(
            "flask",
            "flask run --debug",
            (str(programs / "flask"), "--app", "app", "run", "--debug", "--port", "{port}"),
            projects=flask,
        ),
        Reloader("werkzeug", "Werkzeug's reloader", (python, "{wrapper}"), wrapper=_WERKZEUG),
        Reloader(
            "gunicorn",
            "gunicorn --reload",
            (
                *(str(programs / "gunicorn"), "--reload", "--worker-class", "gthread", "--threads", "8"),
                *("--bind", "127.0.0.1:{port}", "--access-logfile", "-", "{target}"),
            ),
        ),
        Reloader(
            "granian",
            "granian --reload",
            (
                *(str(programs / "granian"), "--reload", "--interface", "wsgi", "--port", "{port}", "--access-log"),
                "{target}",
            ),
        ),
        Reloader(
            "hupper",
            "hupper with waitress",
            (str(programs / "hupper"), "-m", "waitress", "--listen=127.0.0.1:{port}", "--threads=8", "{target}"),
        ),
    )
