"""Tell whether Jinja reads a template again at its next use. Runs in the worker; imports nothing of the project.

Theory of operation. ``Environment.get_template`` compares the file with what it has compiled, if ``auto_reload`` is on.
But Jinja never compares a ``Template`` that the project keeps, or the macros that a template has imported from another
one. And the comparison may fail, since two saves in one tick of the clock have the same modification time. So each
compiled template of the file is examined, and removed from the environment's cache, as Jinja does when the cache is
full.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from .live_objects import TEMPLATE_HELD, LiveObjects, further_references, loaded_class

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHES = "Jinja's auto_reload is off (Flask's TEMPLATES_AUTO_RELOAD, or its debug mode, turns it on)"
_LOADS = frozenset({"get_template", "select_template", "get_or_select_template"})
_SELF = "__jinja_template__"  # a compiled template's name in its own namespace


def classes() -> list[type]:
    """Return the classes whose objects ``objection`` looks at."""
    found = (_environment(), _template(), _file_loader())
    return [each for each in found if each is not None]


def folders(live: LiveObjects) -> Iterator[str]:
    """Yield the folders in which loaders look for templates."""
    for loader in live.of(_file_loader()):
        yield from map(os.fspath, loader.searchpath)


def objection(files: frozenset[str], live: LiveObjects) -> str:
    """Return why a template of these files (real paths) may be stale; "" if each is read again."""
    compiled: dict[int, str] = {}
    namespaces: dict[int, dict[str, Any]] = {}
    other_names: list[str] = []
    for template in live.of(_template()):
        name, file, root = template.name, template.filename, template.root_render_func
        real = os.path.realpath(file) if isinstance(file, str) else ""
        if real in files:
            compiled[id(template)], namespaces[id(template)] = real, root.__globals__
        elif isinstance(name, str):
            other_names.append(name)
        if template._module is not None and (real in files or _LOADS.intersection(root.__code__.co_names)):  # noqa: SLF001  nothing public tells it
            return "templates have imported macros, and Jinja keeps those"
        del template
    for file in files - set(compiled.values()):
        if any(file.endswith(f"/{name}") for name in other_names):
            return "Jinja may have found another template of this name before"
    return _of_cached(namespaces, live) or _of_uncached(namespaces)


def forget(files: frozenset[str], live: LiveObjects) -> None:
    """Remove the compiled forms of these files from the caches of the environments."""
    for environment in live.of(_environment()):
        for key, template in list(_mapping(environment).items()):
            if os.path.realpath(str(template.filename)) in files:
                with contextlib.suppress(KeyError):  # another thread was faster
                    del environment.cache[key]


def _of_cached(namespaces: dict[int, dict[str, Any]], live: LiveObjects) -> str:
    """Look at each compiled template that an environment has in its cache, and leave the others."""
    for environment in live.of(_environment()):
        mapping = _mapping(environment)
        for key in [key for key, template in list(mapping.items()) if id(template) in namespaces]:
            namespace = namespaces.pop(id(mapping[key]), {})
            if why := _of_one(environment, mapping, key, namespace):
                return why
    return ""


def _mapping(environment: Any) -> dict[Any, Any]:
    """Return the cache's own dict: reading it by the cache's methods would change the order of its keys."""
    cache = environment.cache
    return cache if isinstance(cache, dict) else getattr(cache, "_mapping", {})


def _of_one(environment: Any, mapping: dict[Any, Any], key: Any, namespace: dict[str, Any]) -> str:
    if not environment.auto_reload:
        return CACHES
    return TEMPLATE_HELD if further_references(mapping, key) > (_SELF in namespace) else ""


def _of_uncached(namespaces: dict[int, dict[str, Any]]) -> str:
    """Look at each compiled template that no cache has: it is garbage if only its own namespace refers to it."""
    unheld = (_SELF in each and not further_references(each, _SELF) for each in namespaces.values())
    return "" if all(unheld) else TEMPLATE_HELD


def _environment() -> type | None:
    return loaded_class("jinja2.environment", "Environment")


def _template() -> type | None:
    return loaded_class("jinja2.environment", "Template")


def _file_loader() -> type | None:
    return loaded_class("jinja2.loaders", "FileSystemLoader")
