"""Distinguish template engines from other code that opens files, and remember which of them reads each template.

Runs in the worker, within the audit of opened files. ``frameworks/rereading`` asks it when a template was saved.

Theory of operation. If an engine has read a text for its own cache, no other code keeps the text. So the frames of the
caller are examined, up to the engine's own function that fills the cache. If there is other code among them (the
project's loader, a package that extends an engine), that code may keep the text, and the file counts as read by others.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ... import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

MAX_FILES: Final = 2000
JINJA: Final = "Jinja"
DJANGO: Final = "Django"
OTHERS: Final = "others"
# Modules of template engines. An application that reads a page itself does so in its own code.
_ENGINES = (
    "jinja2.", "django.template.", "mako.", "chameleon.", "genshi.", "kajiki.", "tornado.template", "web.template",
)  # fmt: skip
_ENGINE_MODULES = frozenset({"bottle", "pystache.loader"})
# Modules that open a file for their caller.
TRANSPARENT = frozenset({"io", "pathlib", "pathlib._local", "codecs", "tokenize"})
_MAX_CALLERS: Final = 6  # between a template engine and the file
# For each engine that caches: the function that fills its cache, and the modules that may be between it and the file.
_CACHING_ENGINES = (
    (JINJA, ("jinja2.environment", "_load_template"), ("jinja2.", "flask.templating")),
    (DJANGO, ("django.template.engine", "find_template"), ("django.template.",)),
)
# These modules read a template's lines for a traceback or an error page, and do not render the template.
_READERS_OF_LINES = frozenset({"linecache", "tokenize", "traceback", "inspect", "django.views.debug"})
_MAX_DEPTH: Final = 12


class TemplateReaders:
    """The readers of each template, since the application was imported."""

    def __init__(self) -> None:
        self._readers: dict[str, set[str]] = {}
        self.is_complete = True

    def note(self, file: str, opener: FrameType | None) -> None:
        """Note that the code of this frame opens the file."""
        known = self._readers.get(file)
        if known is None:
            if len(self._readers) >= MAX_FILES:
                self.is_complete = False
                return
            known = self._readers[file] = set()
        if OTHERS not in known and (reader := _reader(opener)):
            known.add(reader)

    def of(self, real: str) -> set[str]:
        """Return who has read this file (a real path), by whatever name; empty: nobody."""
        found: set[str] = set()
        for file, readers in list(self._readers.items()):
            if os.path.realpath(file) == real:
                found |= readers
        return found


def reads_template(frame: FrameType | None, is_project_path: Callable[[str], bool]) -> bool:
    """Whether a template engine or the project's code opens a file in this frame, and not a server of static files."""
    callers = 0
    while frame is not None and callers < _MAX_CALLERS:
        name = _name(frame)
        if name.partition(".")[0] != PACKAGE and name not in TRANSPARENT:
            callers += 1
            if name.startswith(_ENGINES) or name in _ENGINE_MODULES:
                return True
            if callers == 1 and is_project_path(frame.f_code.co_filename):
                return True
        frame = frame.f_back
    return False


def _reader(frame: FrameType | None) -> str:
    """Return which engine reads, or OTHERS; "" if only lines are shown."""
    name = _name(frame)
    if name in _READERS_OF_LINES or name.partition(".")[0] == PACKAGE:
        return ""
    for engine, fills, between in _CACHING_ENGINES:
        if name.startswith(between):
            for _ in range(_MAX_DEPTH):
                if frame is None or not name.startswith(between):
                    break
                if (name, frame.f_code.co_name) == fills:
                    return engine
                frame = frame.f_back
                name = _name(frame)
            return OTHERS
    return OTHERS


def _name(frame: FrameType | None) -> str:
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    return name if isinstance(name, str) else ""
