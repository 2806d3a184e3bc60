"""Name the attributes of instances that a package computes when they are first needed.

Pure. Such an attribute says which requests have come, or that they were prepared (``preload/first_requests``), and not
how the project was imported. So the fingerprint leaves it out.

Theory of operation. ``cached_property`` and similar classes keep a value in the instance's dictionary, under their own
name. The class has a descriptor of that name with ``__get__`` alone, so the value hides it. Only descriptors in classes
of packages count: a value that the project's own class has computed is compared. Caches without a descriptor are known
by name.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from ..static_attributes import type_module, type_name, type_namespace, type_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KNOWN: Final = {
    ("django.contrib.staticfiles.storage", "ConfiguredStorage"): ("_wrapped",),
    ("django.db.models.options", "Options"): ("_get_fields_cache",),
    ("django.template.utils", "EngineHandler"): ("_engines", "_templates"),
    ("django.urls.resolvers", "URLResolver"): (
        "_app_dict", "_callback_strs", "_local", "_namespace_dict", "_populated", "_reverse_dict",
    ),
    ("django.utils.functional", "SimpleLazyObject"): ("_wrapped",),
}  # fmt: skip


class ComputedAttributes:
    """The names for each class.

    Args:
        is_own: whether a class (by its module's name) is the project's.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._known: dict[int, frozenset[Any]] = {}
        self._alive: list[type] = []  # so that no identity is used twice

    def of(self, kind: type) -> frozenset[Any]:
        """Return the names of the attributes that instances of this class have computed, if they have them."""
        found = self._known.get(id(kind))
        if found is None:
            found = self._known[id(kind)] = frozenset(self._names(kind))
            self._alive.append(kind)
        return found

    def _names(self, kind: type) -> Iterator[Any]:
        for base in type_order(kind):
            module = type_module(base)
            if not self._is_own(module):
                yield from _KNOWN.get((module, type_name(base)), ())
                yield from (name for name, value in type_namespace(base).items() if _keeps_value(type(value)))


def _keeps_value(descriptor: type) -> bool:
    """Whether an instance's value hides a descriptor of this class, which Python code makes; those of C are methods."""
    spaces = [type_namespace(base) for base in type_order(descriptor)]
    reads = next((space["__get__"] for space in spaces if "__get__" in space), None)
    return type(reads) is FunctionType and not any("__set__" in space or "__delete__" in space for space in spaces)
