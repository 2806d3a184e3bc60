"""Decide which files count, and what a change of each means.

This module knows the kinds of files and their names. Pure: it reads no file. ``ignores`` decides which paths are
ignored. This module is asked about each entry of each folder, so the usual answer must be cheap: 0.5 µs.
"""

from __future__ import annotations

import enum
import os
import re
from fnmatch import translate
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from appliance.conventions import TOOL_FILES, VARIABLE_FILES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Kind(enum.Enum):
    """The parts that a file's change affects."""

    CODE = "code"  # the worker's modules
    ASSET = "asset"  # templates and translations: read while the worker answers; most frameworks cache them
    ENVIRONMENT = "environment"  # .env files
    DEPENDENCIES = "dependencies"  # files that the installation reads
    STATIC = "static"  # styles, images, scripts: a browser loads them, and no worker needs a restart


# Django (since 4.1, also with DEBUG), Jinja without auto_reload and gettext cache what they have read. A restart is
# right for all of them; the worker may know that it is not needed (``supervisor/saves/template_saves``). An HTML file
# outside the folders of templates is a report, an upload, documentation: no framework caches it.
_SUFFIXES = MappingProxyType(
    {
        **dict.fromkeys((".py", ".pyw", ".wsgi", ".ini", ".so"), Kind.CODE),
        **dict.fromkeys((".html", ".htm", ".djhtml", ".jinja", ".jinja2", ".j2", ".mako", ".mo"), Kind.ASSET),
    }
)
_IN_TEMPLATES = frozenset({".txt", ".xml", ".md", ".svg", ".json", ".js", ".css"})  # mails, feeds, fragments
_TEMPLATES = re.compile(r"/templates(?:/|\Z)")
_TEMPLATE_NAME = re.compile(r"\.(?:html?|djhtml|jinja2?|j2|txt|xml|md|svg)\Z")  # what frameworks that read again load
_TRANSLATIONS = re.compile(r"/LC_MESSAGES\Z")
_STATIC = re.compile(r"/(?:static|staticfiles|public|dist|assets)(?:/|\Z)")
_BROWSERS = frozenset(
    {
        ".css",
        ".js",
        ".mjs",
        ".html",
        ".svg",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".webp",
        ".avif",
        ".ico",
        ".woff",
        ".woff2",
    }
)
_DEPENDENCIES = re.compile(
    # Names as discovery reads them: the swap files, backups and temporary files of editors have other endings.
    r"(?![.#])[^/]*requirements(?:[^/]*\.(?:txt|in|pip|lst|list|lock)|[\w-]*)|constraints.*\.txt|uv\.lock|pylock.*\.toml"
    r"|poetry\.lock|Pipfile(?:\.lock)?|pyproject\.toml"
    r"|environment\.ya?ml|setup\.(?:cfg|py)|\.python-version|runtime\.txt|\.tool-versions|\.?mise\.toml|Procfile(?:\.dev)?"
)


@cache  # asked for each worker, between a save and its answer
def watched_names(environment: tuple[str, ...], extra: tuple[str, ...]) -> str:
    """Return a pattern of paths that may count: no other path does, unless a worker has read it."""
    if extra:
        return "."
    names = [re.escape(os.path.basename(name)) for name in environment or VARIABLE_FILES]
    suffixes = "|".join(re.escape(suffix) for suffix in (*_SUFFIXES, *sorted(_IN_TEMPLATES)))
    return rf"(?:{suffixes}|/(?:{'|'.join(names)}|{_DEPENDENCIES.pattern}))\Z"


def is_static(folder: str, suffix: str) -> bool:
    """Whether browsers load a file with this suffix in this folder, a path below the project's that begins with "/"."""
    return suffix in _BROWSERS and (suffix == ".css" or _STATIC.search(folder) is not None)


def is_template(path: str, kind: Kind) -> bool:
    """Whether a file may be a template that a framework reads again at each use."""
    return kind in {Kind.ASSET, Kind.CODE} and _TEMPLATE_NAME.search(path) is not None


class Rule:
    """The rule for one project.

    Args:
        root: the project's folder.
        environment: its .env files, relative to it.
        extra: more patterns of files that count as code, relative to it.
    """

    def __init__(self, root: str, environment: Collection[str] = (), extra: Iterable[str] = ()) -> None:
        self._root = root
        self._environment = frozenset(os.path.normpath(f"{root}/{name}") for name in environment or VARIABLE_FILES)
        self._environment_names = frozenset(map(os.path.basename, self._environment))
        extra = [pattern.removeprefix("./") for pattern in extra]
        self._extra = re.compile("|".join(map(translate, extra))) if extra else None
        self._templates: tuple[str, ...] = ()

    def add_template_folders(self, folders: Iterable[str]) -> list[str]:
        """Note that a framework looks for templates in these folders, whatever their names; return the new ones."""
        new = [folder for folder in folders if f"{folder}/" not in self._templates]
        self._templates = (*self._templates, *(f"{folder}/" for folder in new))
        return new

    def kind(self, folder: str, name: str) -> Kind | None:
        """Return the kind of the file ``name`` in ``folder``; None if its changes do not matter."""
        if (name[:1] in ".#" or name.startswith("flycheck_")) and name not in self._environment_names:
            # No import finds it: it is an editor's file, or a hidden one; or a folder's path, which ends in "/".
            return Kind.DEPENDENCIES if _DEPENDENCIES.fullmatch(name) else None
        suffix = name[name.rfind(".") :]
        kind = None if name in TOOL_FILES else _SUFFIXES.get(suffix)
        if kind is not None or suffix in _IN_TEMPLATES or name in self._environment_names:
            kind = self._by_place(folder, name, kind)
        if kind in {None, Kind.CODE} and _DEPENDENCIES.fullmatch(name):
            return Kind.DEPENDENCIES
        if kind is None and self._extra is not None:
            relative = f"{folder}/{name}".removeprefix(self._root + "/")
            if self._extra.match(relative):
                return Kind.CODE
        return Kind.STATIC if kind is None and is_static(folder[len(self._root) :], suffix) else kind

    def _by_place(self, folder: str, name: str, kind: Kind | None) -> Kind | None:
        if name in self._environment_names and f"{folder}/{name}" in self._environment:
            return Kind.ENVIRONMENT
        if kind is Kind.CODE:
            return kind
        known = max((place for place in self._templates if f"{folder}/".startswith(place)), key=len, default="")
        if known and known != f"{self._root}/":
            return Kind.ASSET
        below = folder[len(self._root) :]
        if _STATIC.search(below):
            return None
        if known and kind is Kind.ASSET:
            return kind
        is_place = _TRANSLATIONS if name.endswith(".mo") else _TEMPLATES
        return Kind.ASSET if is_place.search(below) else None
