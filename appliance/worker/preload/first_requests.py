"""Do the work ahead that the first requests repeat in each worker: all of it for Django, and a step of SQLAlchemy.

Runs in the snapshot, where nobody waits. A worker that imports the project itself leaves this to its requests.

Theory of operation. A worker answers its first request more slowly than the next ones: Django imports the classes that
settings name, compiles patterns, relates models and builds the tables of ``reverse`` when they are first needed. This
takes 4 ms for a small JSON API, and 60 ms for the first page of the admin: far more than a swap. All of it fills
caches, which Django fills when they are empty; forks of this process have them.

Modules of packages are imported here, those of the project are not: if only requests import a module, a save of it
needs no import. Each step may fail: then the first request repeats it, and shows why.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from .warming import serves_django

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    IsProjectPath = Callable[[str], bool]

# Settings that name a class which each request needs, and the module whose middleware imports it.
_CLASSES: Final = (
    ("MESSAGE_STORAGE", "django.contrib.messages.middleware"),
    ("SESSION_SERIALIZER", "django.contrib.sessions.middleware"),
)
_ENGINE: Final = "django.template.backends.django.DjangoTemplates"
_FURTHER_MODULES: Final = frozenset({"builtins", "libraries", "loaders"})  # options of an engine that name some
_RENDERER: Final = "django.forms.renderers.DjangoTemplates"
_STATIC_FILES: Final = "django.contrib.staticfiles.storage.StaticFilesStorage"
_TEMPLATE_MODULES: Final = (
    "django.template.backends.django",
    "django.template.context_processors",
    "django.template.loaders.app_directories",
    "django.template.loaders.cached",
    "django.template.loaders.filesystem",
)


def prepare_first_requests(application: Any, is_project_path: IsProjectPath) -> None:
    """Fill the caches that requests of any view fill, if the application is Django's.

    Args:
        application: what is served.
        is_project_path: whether a file or folder (absolute path) is the project's own.
    """
    if not serves_django(application):
        return
    steps: tuple[Callable[[], object], ...] = (
        lambda: _import_classes(is_project_path),
        _compile_patterns,
        _relate_models,
        _reverse_urls,
        lambda: _prepare_templates(is_project_path),
        _prepare_static_files,
    )
    for step in steps:
        with suppress(BaseException):  # modules of packages run here, and may even exit; a request meets it again
            step()


def step_to_try() -> Callable[[], object] | None:
    """Return a step that may fail, or run code of the project; None if nothing needs it. A fork has to try it first.

    SQLAlchemy relates its classes at the first query. If that fails, it remembers the failure, and raises another error
    at the next attempt. Listeners of the project, and its functions that name classes, must wait for that query.
    """
    return getattr(sys.modules.get("sqlalchemy.orm"), "configure_mappers", None)


def _import_classes(is_project_path: IsProjectPath) -> None:
    settings = _import("django.conf").settings
    _import_installed(
        [getattr(settings, name).rpartition(".")[0] for name, user in _CLASSES if user in sys.modules], is_project_path
    )


def _compile_patterns() -> None:
    """Compile the regular expressions that Django compiles at their first use."""
    lazy, lazily = _import("django.utils.functional").SimpleLazyObject, "django.utils.regex_helper"
    for name, module in list(sys.modules.items()):
        if name.startswith("django."):
            for value in list(vars(module).values()):
                if type(value) is lazy and getattr(vars(value).get("_setupfunc"), "__module__", "") == lazily:
                    value.pattern  # noqa: B018  any attribute compiles it


def _relate_models() -> None:
    for model in _import("django.apps").apps.get_models():
        model._meta.get_fields()  # noqa: SLF001  Django's public name


def _reverse_urls() -> None:
    """Build the tables of ``reverse``, unless the URLs can't be imported: a second attempt would run the project."""
    urls = _import("django.urls")
    resolver = urls.get_resolver()
    if "url_patterns" in vars(resolver):
        resolver.reverse_dict  # noqa: B018  a property that builds the tables
        for name in _namespaces(resolver):
            with suppress(urls.NoReverseMatch):  # always: no URL is without a name
                urls.reverse(name)


def _namespaces(resolver: Any, outer: str = "") -> Iterator[str]:
    for name, (_, inner) in resolver.namespace_dict.items():
        yield f"{outer}{name}:"
        yield from _namespaces(inner, f"{outer}{name}:")


def _prepare_templates(is_project_path: IsProjectPath) -> None:
    """Import the modules that templates use; make the engines too, if they need no module of the project.

    A project of JSON alone needs no templates, which take 4 MiB. The preloader has the module of their loaders if an
    earlier worker has rendered one.
    """
    if "django.template.loaders" not in sys.modules:
        return
    handler = _import("django.template").engines
    engines = {name: each["OPTIONS"] for name, each in handler.templates.items() if each["BACKEND"] == _ENGINE}
    if not engines:
        return
    wanted = [*_TEMPLATE_MODULES, *_tag_modules(is_project_path)]
    for options in engines.values():
        wanted += (path.rpartition(".")[0] for path in options.get("context_processors", ()))
    if _import_installed(wanted, is_project_path) and not _has_own_tags(is_project_path):
        for name, options in engines.items():
            if not options.keys() & _FURTHER_MODULES:
                handler[name].engine.template_loaders  # noqa: B018  properties that import, and are kept
                handler[name].engine.template_context_processors  # noqa: B018
        _prepare_forms()


def _prepare_forms() -> None:
    """Compile the templates of Django's own widgets; no folder comes before Django's there."""
    renderers = sys.modules.get("django.forms.renderers")
    if renderers is not None and _import("django.conf").settings.FORM_RENDERER == _RENDERER:
        backend = renderers.get_default_renderer().engine
        (folder,) = backend.engine.dirs
        for path in sorted(folder.rglob("*.html")):
            backend.get_template(str(path.relative_to(folder)))


def _prepare_static_files() -> None:
    """Make the storage whose URLs ``{% static %}`` shows. Other classes may read files when they are made."""
    if (module := sys.modules.get("django.contrib.staticfiles.storage")) is not None:
        settings = _import("django.conf").settings
        stores = getattr(settings, "STORAGES", None)  # since Django 4.2
        if (stores["staticfiles"]["BACKEND"] if stores else settings.STATICFILES_STORAGE) == _STATIC_FILES:
            module.staticfiles_storage.base_url  # noqa: B018  any attribute makes it


def _tag_modules(is_project_path: IsProjectPath) -> Iterator[str]:
    """Yield the names of the modules in which installed applications define tags and filters."""
    for name, folder in _tag_folders():
        if not is_project_path(folder):  # listing a folder of the project would make its files part of the import
            yield from (f"{name}.{found.name}" for found in pkgutil.iter_modules([folder]))


def _has_own_tags(is_project_path: IsProjectPath) -> bool:
    return any(is_project_path(folder) and os.path.isdir(folder) for _, folder in _tag_folders())


def _tag_folders() -> Iterator[tuple[str, str]]:
    configs = _import("django.apps").apps.get_app_configs()
    for package in (_import("django"), *(config.module for config in configs)):
        for folder in getattr(package, "__path__", ()):
            yield f"{package.__name__}.templatetags", f"{folder}/templatetags"


def _import_installed(names: Sequence[str], is_project_path: IsProjectPath) -> bool:
    """Import the installed ones of these modules; return whether all are loaded."""
    for name in names:
        if name not in sys.modules and (place := _place(name)) and not is_project_path(place):
            with suppress(Exception):
                _import(name)
    return all(name in sys.modules for name in names)


def _place(name: str) -> str:
    """Return a file or folder of the package that has this module, which is not loaded; "" if it is not known."""
    top = name.partition(".")[0]
    found = sys.modules.get(name.rpartition(".")[0]) or sys.modules.get(top) or importlib.util.find_spec(top)
    places = getattr(found, "__path__", None) or getattr(found, "submodule_search_locations", None) or ()
    return next(iter(places), "")


def _import(name: str) -> Any:
    return importlib.import_module(name)  # noqa: TID251  the project's own Django, and packages
