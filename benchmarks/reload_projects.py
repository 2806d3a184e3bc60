"""The projects that are measured at reloading: where their files come from, and which one is saved.

Owns the list. Knows nothing of servers.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.large_projects import write_django, write_flask
from benchmarks.public_project import write_public

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECTS = Path(__file__).with_name("projects")


@dataclass(frozen=True)
class Project:
    """One of them.

    Attributes:
        key: its name in results.
        title: its name for readers.
        target: its application, as ``module:name``.
        edited: the file that is saved.
        framework: "flask", "django" or none.
        source: its folder below ``projects``, or what writes its files.
        inside: whether the saves change the inside of a function; else the top of a module.
        more: how many modules lie beside it that nobody imports.
        environment: the one of ``python_of`` that has its packages, and the peers.
        every_s: between two saves, from the first answer on; 0 for saves at a person's pace, once all has settled.
    """

    key: str
    title: str
    target: str
    edited: str
    framework: str = ""
    source: str | Callable[[Path], None] = ""
    inside: bool = False
    more: int = 0
    environment: str = "reload"
    every_s: float = 0.0

    def write(self, folder: Path) -> None:
        """Write its files into a folder that does not exist yet."""
        if callable(self.source):
            self.source(folder)
        else:
            shutil.copytree(PROJECTS / self.source, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for number in range(self.more):
            package = folder / "more" / f"part{number % 500}"
            package.mkdir(parents=True, exist_ok=True)
            (package / f"module{number}.py").write_text(f"NUMBER = {number}\n")


def _small() -> tuple[Project, ...]:
    site = "site_of_books.wsgi:application"
    return (
        Project("one_file", "One file", "app:app", "app.py", source="one_file"),
        Project("flask_sqlalchemy", "Flask with SQLAlchemy", "app:app", "notes/views.py", "flask", "flask_sqlalchemy"),
        Project("django_rest", "Django with REST framework", site, "catalogue/views.py", "django", "django_rest"),
        Project("flask_pandas", "Flask with pandas", "app:app", "sales/views.py", "flask", "flask_pandas"),
    )


def _large() -> tuple[Project, ...]:
    site, places = "site_of_parts.wsgi:application", ("shop", "site_of_parts")
    flask, django = (f"{place}/saved_at_top.py" for place in places)
    return (
        Project("large_flask", "Flask, 500 own modules", "app:app", flask, "flask", write_flask),
        Project("large_django", "Django, 500 own modules", site, django, "django", write_django),
        Project(
            *("pretix", "pretix (Django), 450 own modules", "served:application", "pretix/saved_at_top.py"),
            source=write_public,
            environment="pretix",
        ),
    )


def _late(project: Project) -> Project:
    edited = project.edited.replace("saved_at_top", "saved_late")
    return replace(project, key=f"{project.key}_late", title=f"{project.title}: the last one", edited=edited)


def _inside(project: Project) -> Project:
    edited = project.edited.replace("saved_at_top", "saved_inside")
    return replace(
        project, key=f"{project.key}_inside", title=f"{project.title}: inside a function", edited=edited, inside=True
    )


def _hasty(project: Project) -> Project:
    title = f"{project.title}, saved every 0.3 s from the start"
    return replace(project, key=f"{project.key}_hasty", title=title, every_s=0.3)


def _project_list() -> tuple[Project, ...]:
    small, large = _small(), _large()
    inside_small, inside_large = tuple(map(_inside, small)), tuple(map(_inside, large))
    return (
        *small,
        replace(small[0], key="one_file_10000", title="One file among 10,000", more=10_000),
        *large,
        *map(_late, large[:2]),
        *inside_small,
        *inside_large,
        *map(_hasty, small[:3]),
        *map(_hasty, (*inside_small[:3], *inside_large[:2])),
    )


PROJECT_LIST = _project_list()
