"""Count hits, misses and writes of the caches of Django and Flask-Caching, and the time that they take.

Runs in the threads of the requests.

Theory of operation. Both libraries have many backends, which are made late. So when a library hands out a backend, its
class is hooked, once. One method of a backend may call others (``get_many`` calls ``get``): only the outer call counts.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any

from .present_effects import present_effects

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks

    # Returns hits, misses and writes, given the arguments of a call, its result, and the methods that it has used.
    Count = Callable[[tuple[Any, ...], dict[str, Any], Any, list[str]], tuple[int, int, int]]

HOOK = "use of caches"
_ALIAS = "_appliance_alias"  # the attribute of a backend

# The methods that the call in this context has used.
_used: ContextVar[list[str] | None] = ContextVar("appliance_cache", default=None)


def _got(given: tuple[Any, ...], named: dict[str, Any], result: Any, _used: list[str]) -> tuple[int, int, int]:
    """Count a ``get``: a result other than the default is a hit."""
    default = given[1] if len(given) > 1 else named.get("default")
    return (0, 1, 0) if result is default else (1, 0, 0)


def _got_many(given: tuple[Any, ...], named: dict[str, Any], result: Any, _used: list[str]) -> tuple[int, int, int]:
    """Count Django's ``get_many`` of one collection of keys, whose result has those that were found."""
    keys = given[0] if given else named.get("keys", ())
    return len(result), max(0, len(keys) - len(result)) if hasattr(keys, "__len__") else 0, 0


def _got_each(given: tuple[Any, ...], _named: dict[str, Any], result: Any, _used: list[str]) -> tuple[int, int, int]:
    """Count Flask-Caching's ``get_many`` of several keys, whose result has None for each that was not found."""
    found = sum(each is not None for each in result) if isinstance(result, (list, tuple)) else 0
    return found, len(given) - found, 0


def _got_or_set(_given: tuple[Any, ...], _named: dict[str, Any], _result: Any, used: list[str]) -> tuple[int, int, int]:
    """Count a ``get_or_set``, which adds a missing value."""
    return (0, 1, 1) if "add" in used or "set" in used else (1, 0, 0)


def _wrote(_given: tuple[Any, ...], _named: dict[str, Any], _result: Any, _used: list[str]) -> tuple[int, int, int]:
    return 0, 0, 1


_WRITES: dict[str, Count] = dict.fromkeys(("set", "add", "set_many", "delete", "delete_many"), _wrote)
_DJANGO: dict[str, Count] = {"get": _got, "get_many": _got_many, "get_or_set": _got_or_set, **_WRITES}
_FLASK: dict[str, Count] = {"get": _got, "get_many": _got_each, **_WRITES}


class CacheUse:
    """Hooks into both libraries.

    Args:
        hooks: guards our code in the project's process.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._hooked: set[type] = set()

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the libraries."""
        libraries.add("django.core.cache", HOOK, self._hook_django)
        libraries.add("flask_caching", HOOK, self._hook_flask)

    def _hook_django(self, module: Any) -> None:
        kind = module.CacheHandler
        original = kind.create_connection  # since Django 3.2

        @functools.wraps(original)
        def create_connection(handler: Any, alias: str) -> Any:
            backend = original(handler, alias)
            self._hooks.call(HOOK, self._hook_backend, backend, str(alias), _DJANGO, otherwise=None)
            return backend

        kind.create_connection = create_connection

    def _hook_flask(self, module: Any) -> None:
        kind = module.Cache
        original = kind.cache.fget

        @functools.wraps(original)
        def cache(instance: Any) -> Any:
            backend = original(instance)
            self._hooks.call(HOOK, self._hook_backend, backend, "Flask-Caching", _FLASK, otherwise=None)
            return backend

        kind.cache = property(cache)

    def _hook_backend(self, backend: Any, alias: str, counts: dict[str, Count]) -> None:
        kind = type(backend)
        setattr(backend, _ALIAS, alias)
        if kind in self._hooked:
            return
        self._hooked.add(kind)
        for name, count in counts.items():
            if (method := getattr(kind, name, None)) is not None:
                setattr(kind, name, self._counted(name, method, count))

    def _counted(self, name: str, original: Callable[..., Any], count: Count) -> Callable[..., Any]:
        @functools.wraps(original)
        def counted(backend: Any, *given: Any, **named: Any) -> Any:
            effects = present_effects()
            if effects is None:
                return original(backend, *given, **named)
            if (outer := _used.get()) is not None:
                outer.append(name)
                return original(backend, *given, **named)
            used: list[str] = []
            token, began = _used.set(used), monotonic()
            try:
                result = original(backend, *given, **named)
            finally:
                _used.reset(token)
            call = (given, named, result, used)
            self._hooks.call(HOOK, _note, effects, backend, count, call, began, otherwise=None)
            return result

        return counted


def _note(effects: Any, backend: Any, count: Count, call: tuple[Any, ...], began: float) -> None:
    took_s = monotonic() - began
    effects.add_cache_use(str(getattr(backend, _ALIAS, "")), count(*call), took_s)
