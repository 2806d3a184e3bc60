"""The projects whose files are changed at random: their folders, environments and routes, and what a change is."""

from __future__ import annotations

import ast
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests import releases
from tests.soak.source_mutations import mutate

APPS = Path(__file__).parents[1] / "apps"
# They ask the others, so they stay as they are.
_FIXED = frozenset({"app.py", "exercises.py", "telling.py", "manage.py"})
_GROWTH = 1.6  # a file that has become longer than this is written as it was at first
LIBRARY = 5  # modules of the standard library that are copied; they take most of an import's time
TAKEN_BACK = "taken back"
AS_AT_FIRST = "as at first"


@dataclass(frozen=True)
class Kind:
    """One kind of project.

    Attributes:
        routes: beside those by which each tells about itself.
        releases: what it imports.
        imported: a module that imports it, too, so that it is compiled.
    """

    routes: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    imported: str = ""

    @property
    def all_routes(self) -> tuple[str, ...]:
        """In the order in which they are asked: the state first, as the import has left it."""
        return ("/state", "/", "/failures", "/sources", *self.routes)


_FLASK = """
import asgiref.sync, flask.views, werkzeug.routing
"""
_DJANGO = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=[], DATABASES={})
django.setup()
import django.core.handlers.wsgi, django.core.servers.basehttp, django.db.backends.sqlite3.base, django.forms
import django.middleware.common, django.template.backends.django, django.urls, django.views.debug, django.views.generic
"""
KINDS = {
    "plain": Kind(),
    "flask": Kind(
        (
            *("/pages/item/apple", "/pages/item/none", "/pages/code/ab-3", "/pages/list", "/pages/later"),
            *("/pages/stream", "/pages/fails/0", "/pages/fails/1", "/pages/fails/2", "/pages/counter/3"),
        ),
        ("flask==3.1.3", "werkzeug==3.1.9", "asgiref==3.13.0"),
        _FLASK,
    ),
    "django": Kind(
        (
            *("/shop/item/c1", "/shop/item/c9", "/shop/list", "/shop/queries", "/shop/form", "/shop/later"),
            *("/shop/stream", "/shop/fails/2", "/shop/sell/3", "/shop/about"),
        ),
        ("django==6.1.3",),
        _DJANGO,
    ),
}


class Files:
    """The files of one project.

    Args:
        folder: is created.
        kind: a key of ``KINDS``.
        chance: makes the changes.
        version: of Python.
    """

    def __init__(self, folder: Path, kind: str, chance: random.Random, version: str) -> None:
        self.folder = folder
        self.kind = KINDS[kind]
        self._chance = chance
        self.python, self.settings = interpreter_of(version, self.kind)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(APPS / "mutated", folder, ignore=ignored)
        if kind != "plain":
            shutil.copytree(APPS / f"mutated_{kind}", folder, ignore=ignored, dirs_exist_ok=True)
        self._copy_library()
        paths = sorted(folder.rglob("*.py"))
        self.good = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in paths}
        self._first = dict(self.good)
        names = [name for name in self.good if name not in _FIXED and _is_parsed(self.good[name])]
        self._library = [name for name in names if name.startswith("lib_")]
        self._own = [name for name in names if name not in self._library and self.good[name]]

    def _copy_library(self) -> None:
        text = (self.folder / "exercises.py").read_text(encoding="utf-8")
        names = text[text.index("    for name in (") : text.index("    )\n]")].split('"')[1::2]
        library = subprocess.run(
            [self.python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        names = [name for name in names if (Path(library) / f"{name}.py").is_file()]
        for name in sorted(self._chance.sample(names, LIBRARY)):
            source = (Path(library) / f"{name}.py").read_text(encoding="utf-8")
            text = source.encode("ascii", "backslashreplace").decode()
            (self.folder / f"lib_{name}.py").write_text(text, encoding="utf-8")

    def change(self) -> tuple[dict[str, str], list[str]]:
        """One changed file, or two, with what was changed. Those that have features come more often than the copies."""
        changes, kinds = {}, []
        names = self._chance.choice([self._own, self._own, self._own, self._library])
        for name in self._chance.sample(names, 2 if self._chance.random() < 0.05 else 1):
            text = self.good[name]
            if text.count("\n") > _GROWTH * self._first[name].count("\n") + 30:
                changes[name] = self._first[name]
                kinds.append(AS_AT_FIRST)
                continue
            wanted = self._chance.choice([1, 1, 1, 2])
            while wanted > 0 or text == self.good[name]:  # a line that is added may be removed again
                kind, text = mutate(text, self._chance)
                kinds.append(kind)
                wanted -= 1
            changes[name] = text
        return changes, kinds


def interpreter_of(version: str, kind: Kind) -> tuple[str, dict[str, str]]:
    """The interpreter, and the settings that let the appliance use it."""
    if not kind.releases:
        python = releases.interpreter(version)
        return python, {"APPLIANCE_PYTHON": python}
    environment = releases.environment(version, *kind.releases, project=kind.imported)
    return str(environment / "bin" / "python"), {"VIRTUAL_ENV": str(environment)}


def _is_parsed(text: str) -> bool:
    """Whether the grammar of this Python is enough for it."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
