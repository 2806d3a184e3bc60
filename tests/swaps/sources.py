"""The sources imported as a project, and then saved: written hazards, copies of standard modules, installed packages.

The standard library alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import NamedTuple

HAZARDS = Path(__file__).with_name("hazards.txt")
STANDARD = """
argparse ast bisect calendar cmd colorsys configparser contextlib copy csv dataclasses datetime decimal
difflib enum fnmatch fractions functools gettext graphlib heapq html.parser inspect ipaddress json.decoder
json.encoder logging numbers optparse pathlib pprint queue random reprlib sched shlex socketserver statistics
string tempfile textwrap threading tokenize traceback types typing unittest.mock uuid weakref wsgiref.headers
xml.dom.minidom zipfile
"""
PACKAGES = {
    "flask": "import flask, flask.views, flask.json.tag, flask.cli",
    "werkzeug": "import werkzeug, werkzeug.routing, werkzeug.debug, werkzeug.test",
    "jinja2": "import jinja2, jinja2.ext, jinja2.sandbox, jinja2.nativetypes",
    "click": "import click, click.testing",
    "django/forms": "import django.conf as c; c.settings.configure(); import django.forms, django.forms.models",
    "django/views": "import django.conf as c; c.settings.configure(); import django.views.generic, django.views.debug",
    "django/template": (
        "import django.conf as c; c.settings.configure(); import django.template.loader, django.template.defaulttags"
    ),
    "django/contrib/auth": (
        "import django, django.conf as c; c.settings.configure(INSTALLED_APPS=['django.contrib.auth',"
        "'django.contrib.contenttypes']); django.setup(); import django.contrib.auth.views, django.contrib.auth.forms"
    ),
}


class Source(NamedTuple):
    """A source imported as a project: its folder, its import statements, and whether its functions are called."""

    name: str
    folder: str
    statements: str
    calls: bool
    saves: int


def files(source: Source) -> list[Path]:
    return [path for path in sorted(Path(source.folder).rglob("*.py")) if path.stat().st_size > 20]


def hazards(folder: Path, saves: int) -> list[Source]:
    """The written sources: each hazard a module, from the Python on that its title names."""
    found = []
    for title, text in re.findall(r"^=== (.*)\n((?:(?!=== ).*\n)*)", HAZARDS.read_text(encoding="utf-8"), re.MULTILINE):
        name, _, version = title.partition(" ")
        if version and sys.version_info < tuple(map(int, version.split("."))):
            continue
        place = folder / name
        place.mkdir()
        (place / f"hazard_{name}.py").write_text(text, encoding="utf-8")
        statements = f"import sys; sys.path.insert(0, {str(place)!r}); import hazard_{name}"
        found.append(Source(name, str(place), statements, calls=True, saves=saves))
    return found


def standard(folder: Path, saves: int) -> list[Source]:
    """Copies of modules of the standard library: real sources, whose functions are not called."""
    found = []
    for name in STANDARD.split():
        module = sys.modules.get(name)
        origin = getattr(module, "__file__", None)
        if origin is None:
            with contextlib.suppress(Exception):
                origin = importlib.util.find_spec(name).origin  # type: ignore[union-attr]
        if not origin or not origin.endswith(".py") or origin.endswith("__init__.py"):
            continue
        copy = f"own_{name.replace('.', '_')}"
        place = folder / copy
        place.mkdir()
        text = Path(origin).read_text(encoding="utf-8")
        parent = name.rpartition(".")[0]
        text = re.sub(r"^from \.(\w+) import", rf"from {parent}.\1 import", text, flags=re.MULTILINE)
        text = re.sub(r"^from \. import", f"from {parent} import", text, flags=re.MULTILINE)
        (place / f"{copy}.py").write_text(text, encoding="utf-8")
        statements = f"import sys; sys.path.insert(0, {str(place)!r}); import {copy}"
        found.append(Source(copy, str(place), statements, calls=False, saves=saves))
    return found


def packages(folder: str, saves: int) -> list[Source]:
    """Installed packages as projects."""
    path = f"import sys; sys.path.insert(0, {folder!r}); "
    return [
        Source(name, f"{folder}/{name}", path + statements, calls=False, saves=saves)
        for name, statements in PACKAGES.items()
        if Path(folder, name).is_dir() and statements
    ]
