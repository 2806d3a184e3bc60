"""Tell whether Django reads a template again at its next use, and let its cached loaders forget, as runserver does.

Runs in the worker; imports nothing of the project.

Theory of operation. Django's loaders read a file at each use. Since Django 4.1 its cached loader is around them with
``DEBUG`` too. When a template is saved, ``runserver`` calls that loader's ``reset`` (``django.template.autoreload``).
Here the same is done, for all engines that are alive: forms, for example, render with an engine of their own.
Without ``debug`` an engine is left alone: it caches as it does in production, and a new worker is started.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from .live_objects import TEMPLATE_HELD, LiveObjects, further_references, loaded_class

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHES = "Django caches templates without DEBUG"
_LOADERS = "django.template.loaders."
# What Django keeps of rendered pages, by the names of its keys: of {% cache %}, and of the cache of views.
_RENDERED = ("template.cache.", "views.decorators.cache.")


def classes() -> list[type]:
    """Return the classes whose objects ``objection`` looks at."""
    return [each for each in (_engine(), _template()) if each is not None]


def folders(live: LiveObjects) -> Iterator[str]:
    """Yield the folders in which loaders look for templates."""
    for loader in _loaders(live):
        if type(loader).__module__.startswith(_LOADERS) and hasattr(loader, "get_dirs"):
            yield from map(os.fspath, loader.get_dirs())


def objection(files: frozenset[str], live: LiveObjects) -> str:
    """Return why a template of these files (real paths) may be stale; "" if ``reset`` makes each be read again."""
    for loader in _loaders(live):
        if not type(loader).__module__.startswith(_LOADERS):
            return f"Django's templates have a loader that may cache: {type(loader).__module__}.{type(loader).__name__}"
        if getattr(loader, "get_template_cache", None) and not loader.engine.debug:
            return CACHES
    if _keeps_pages():
        return "Django's cache in memory keeps rendered templates"
    compiled = {id(each) for each in live.of(_template()) if os.path.realpath(str(each.origin.name)) in files}
    for loader in _loaders(live):
        cache = getattr(loader, "get_template_cache", {})
        for key in [key for key, template in list(cache.items()) if id(template) in compiled]:
            compiled.discard(id(cache[key]))
            if further_references(cache, key):
                return TEMPLATE_HELD
    return TEMPLATE_HELD if compiled else ""


def reset(live: LiveObjects) -> None:
    """Clear the caches of every loader."""
    for loader in _loaders(live):
        loader.reset()


def _loaders(live: LiveObjects) -> Iterator[Any]:
    """Yield the loaders of all engines that have made theirs, also those within others."""
    for engine in live.of(_engine()):
        loaders = list(vars(engine).get("template_loaders", ()))
        for loader in loaders:
            yield loader
            loaders += getattr(loader, "loaders", ())


def _keeps_pages() -> bool:
    caches = getattr(sys.modules.get("django.core.cache.backends.locmem"), "_caches", {})
    keys = (str(key) for cache in list(caches.values()) for key in list(cache))
    return any(mark in key for key in keys for mark in _RENDERED)


def _engine() -> type | None:
    return loaded_class("django.template.engine", "Engine")


def _template() -> type | None:
    return loaded_class("django.template.base", "Template")
