"""Tell whether saved templates are read again at their next use, so that the worker need not be restarted.

Runs in the worker's control thread, on ``CheckTemplates``. Never imports a framework, and makes no engine that the
project has not made.

Theory of operation. A stale page is the worst result, and a restart is always right. So at the moment of the save, each
way in which this process may keep a part of a file must be excluded. If there is a doubt, the worker restarts. The
conditions are:

- only known engines have read the file, and not while the application was imported (``files/template_readers``);
- no thread reads a file now: a thread that has read the old text would put it into a cache later. A read that begins
  after this check finds the saved file;
- the engines will read again what they have compiled (``jinja_templates``, ``django_templates``), and no other object
  holds it;
- no known cache of rendered pages in this process holds anything.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
from typing import TYPE_CHECKING, Any

from ..files.template_folders import template_folders, unwrap
from ..files.template_readers import DJANGO, JINJA, OTHERS
from . import django_templates, jinja_templates
from .live_objects import LiveObjects, loaded_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from .live_objects import References

_UNSEEN = ("minijinja",)  # engines that read files without a call that Python can audit
_RENDERED = (("cachelib.simple", "SimpleCache"), ("flask_caching.backends.simplecache", "SimpleCache"))


def objection(
    paths: Iterable[str],
    readers: Callable[[str], set[str] | None],
    application: Any,
    is_project_path: Callable[[str], bool],
    *,
    frozen: References | None = (),
) -> str:
    """Return why a new worker is needed for these saved templates; "" if each is read again at its next use.

    Args:
        paths: absolute paths.
        readers: tells who has read a file, as ``KnownFiles.template_readers``.
        application: the one that is served.
        is_project_path: whether a file of code is the project's.
        frozen: references to the objects that ``gc.freeze`` hides, as ``references``; None if they are unknown.
    """
    read_by = {path: readers(path) for path in paths}
    if why := _of_readers(read_by, application):
        return why
    if not _engines():
        return "no template engine that is known to read it again is loaded"
    if _is_reading():
        return "a template is being read at this moment"
    live = LiveObjects(_classes(), frozen=frozen)
    return (
        _unknown([path for path, known in read_by.items() if not known], live, application)
        or _rendered(live, is_project_path)
        or _of_engines(frozenset(map(os.path.realpath, read_by)), live)
    )


def references() -> References | None:
    """Return references to the objects that ``objection`` looks at, before they are hidden; None if that fails."""
    return LiveObjects(_classes()).references()


def _classes() -> list[type]:
    return [*_engines(), *_page_caches(), functools._lru_cache_wrapper]  # noqa: SLF001  nothing public names the type


def _engines() -> list[type]:
    return [*jinja_templates.classes(), *django_templates.classes()]


def _of_readers(read_by: dict[str, set[str] | None], application: Any) -> str:
    """Return why a file may be kept somewhere, as far as no search is needed to tell."""
    if None in read_by.values():
        return "it may have been read while the application was imported"
    engines_used = set[str]().union(*filter(None, read_by.values()))
    if OTHERS in engines_used:
        return "other code than a known template engine has read it"
    if engine := next((name for name in _UNSEEN if name in sys.modules), ""):
        return f"{engine} may have read it"
    return _caches(engines_used, application)


def _caches(engines_used: set[str], application: Any) -> str:
    """Return why an engine that has read a file is known to cache it."""
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if DJANGO in engines_used and settings is not None and settings.configured and not settings.DEBUG:
        return django_templates.CACHES
    environment = vars(found).get("jinja_env") if (found := unwrap(application)) is not None else None
    return jinja_templates.CACHES if JINJA in engines_used and environment and not environment.auto_reload else ""


def _of_engines(files: frozenset[str], live: LiveObjects) -> str:
    why = jinja_templates.objection(files, live) or django_templates.objection(files, live)
    if not why:
        jinja_templates.forget(files, live)
        django_templates.reset(live)
    return why


def _is_reading() -> bool:
    """Whether a thread is within an engine's function that reads a file and fills its cache."""
    # No variable may name this frame's own entry: a frame that refers to itself would keep what the look has found.
    return any(map(_reads, sys._current_frames().values()))  # noqa: SLF001  nothing public tells it


def _reads(frame: FrameType | None) -> bool:
    while frame is not None:
        name, function = str(frame.f_globals.get("__name__")), frame.f_code.co_name
        if function == "_load_template" and name == "jinja2.environment":
            return True
        if function == "get_template" and name.startswith("django.template.loaders."):
            return True
        frame = frame.f_back
    return False


def _unknown(unread: list[str], live: LiveObjects, application: Any) -> str:
    """A file that nobody is known to have read must be one that a known engine will read."""
    if not unread:
        return ""
    found = (*template_folders(application), *jinja_templates.folders(live), *django_templates.folders(live))
    folders = tuple(os.path.join(os.path.realpath(folder), "") for folder in found)
    is_known = all(os.path.realpath(path).startswith(folders) for path in unread)
    return "" if is_known else "no template engine is known that reads it"


def _page_caches() -> list[type]:
    return [each for module, name in _RENDERED if (each := loaded_class(module, name)) is not None]


def _rendered(live: LiveObjects, is_project_path: Callable[[str], bool]) -> str:
    """Return which cache of this process may hold a rendered page."""
    for cls in _page_caches():
        if any(getattr(each, "_cache", None) for each in live.of(cls)):
            return "a cache in memory may keep rendered pages"
    for each in live.of(functools._lru_cache_wrapper):  # noqa: SLF001  as above
        code = getattr(getattr(each, "__wrapped__", None), "__code__", None)
        if code is not None and is_project_path(code.co_filename) and _holds_markup(each):
            return f"{code.co_name}() keeps what it has rendered (functools.lru_cache)"
    return ""


def _holds_markup(function: Any) -> bool:
    kept = [each for each in gc.get_referents(function) if each is not vars(function)]  # that has its names, <locals>
    values = [value for each in kept if type(each) is dict for value in list(each.values())]
    return any("<" in value for value in (*kept, *values) if isinstance(value, str))
