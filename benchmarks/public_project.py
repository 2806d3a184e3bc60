"""Write a large public Django project into a folder: pretix, a shop for tickets, of which 450 modules are imported.

Its files are those of the installed package, in the environment ``pretix``. It keeps its data beside them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from benchmarks.environments import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

_SERVED: Final = '''"""The site, and a page that says which save this is: the site's own pages need a database."""

import os

os.environ.setdefault("DATA_DIR", os.path.join(os.path.dirname(__file__), "data"))

from pretix.wsgi import application as site

from django.urls import get_resolver

from pretix.saved_at_top import version_at_top
from pretix.saved_inside import version_inside

get_resolver().url_patterns  # all views, as the first request would import them


def application(environ, start_response):
    """Answer one page, or let the site answer."""
    if environ["PATH_INFO"] != "/":
        return site(environ, start_response)
    body = b"version %d" % (version_at_top() + version_inside())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
'''


def write_public(folder: Path) -> None:
    """Write the project.

    Raises:
        RuntimeError: its packages are not installed.
    """
    found = list((FOLDER / "pretix").glob("lib/python3.*/site-packages/pretix"))
    if not found:
        raise RuntimeError("found no pretix; expected that requirements-pretix.txt installs it")
    shutil.copytree(found[0], folder / "pretix", ignore=shutil.ignore_patterns("__pycache__", "static.dist", "locale"))
    (folder / "data" / "logs").mkdir(parents=True)
    for name in ("csp.log", "pretix.log"):
        (folder / "data" / "logs" / name).touch()
    (folder / "served.py").write_text(_SERVED)
    top, inside = (
        "VERSION = 0\n\n\ndef version_at_top():\n    return VERSION\n",
        "def version_inside():\n    VERSION = 0\n    return VERSION\n",
    )
    (folder / "pretix" / "saved_at_top.py").write_text(top)
    (folder / "pretix" / "saved_inside.py").write_text(inside)
