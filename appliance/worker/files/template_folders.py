"""Find the folders in which the project's frameworks look for templates.

One function for each framework. They import no framework, and create nothing that the project has not created. Runs in
the worker when it is idle. Templates in other folders are noticed when they are opened (``open_audit``).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_FOLDERS = 100
_WRAPPED_NAMES = ("app", "application", "wsgi_app", "_app", "wrapped")  # of middleware, for the application
_MAX_DEPTH = 6


def template_folders(application: Any) -> list[str]:
    """Return absolute paths of folders; () if none are known."""
    found: dict[str, None] = {}
    for find_folders in _FRAMEWORKS:
        try:
            found.update(dict.fromkeys(os.path.abspath(os.fspath(folder)) for folder in find_folders(application)))
        except Exception:  # noqa: BLE001, S112  another version, or an unrelated application with the same attributes
            continue
    return list(found)[:MAX_FOLDERS]


def _django(_application: Any) -> Iterator[Any]:
    """Yield DIRS of Django's settings, and its applications' template folders with other names than ``templates``."""
    django = sys.modules.get("django.conf")
    settings: Any = getattr(django, "settings", None)
    if settings is None or not settings.configured:
        return
    for engine in settings.TEMPLATES:
        yield from engine.get("DIRS") or ()
        if str(engine.get("BACKEND", "")).endswith(".Jinja2"):
            registry: Any = getattr(sys.modules.get("django.apps"), "apps", None)
            for config in registry.get_app_configs() if registry is not None and registry.ready else ():
                yield os.path.join(config.path, "jinja2")


def _flask(application: Any) -> Iterator[Any]:
    """Yield the folders of a Flask application and its blueprints."""
    found = unwrap(application)
    if found is None:
        return
    for part in (found, *getattr(found, "blueprints", {}).values()):
        if part.template_folder is not None:
            yield os.path.join(part.root_path, part.template_folder)


def unwrap(application: Any) -> Any:
    """Find the application with a template folder within middleware."""
    for _ in range(_MAX_DEPTH):
        if hasattr(application, "template_folder") and hasattr(application, "root_path"):
            return application
        application = next(
            (vars(application)[name] for name in _WRAPPED_NAMES if name in getattr(application, "__dict__", ())), None
        )
        if application is None:
            return None
    return None


def _bottle(_application: Any) -> Iterator[Any]:
    yield from getattr(sys.modules.get("bottle"), "TEMPLATE_PATH", ())


_FRAMEWORKS: tuple[Callable[[Any], Iterator[Any]], ...] = (_django, _flask, _bottle)
