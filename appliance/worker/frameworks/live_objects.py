"""Find the objects of some classes that are alive in this process, and whether anything but a cache holds one.

Runs in the worker, when a template was saved. It makes nothing, and calls no code of the project.

Theory of operation. An engine is recognised by the class of its objects, and any code may have made such objects. So
the collector's list of all objects is searched: this takes 3 ms for a small application, 10 ms for a site with Django's
admin. If only a cache and the search hold an object, its number of references is known. Each further reference means an
unknown holder.

The list lacks objects that ``gc.freeze`` has hidden: in a fork of a snapshot, all that the import has made. So the
snapshot keeps references to them. In a fork of a checkpoint, they are listed for the time of a search, which then
copies their memory: it takes three times as long.
"""

from __future__ import annotations

import gc
import sys
import weakref
from itertools import compress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TEMPLATE_HELD = "the application keeps the compiled template, or renders it now"
Class = TypeVar("Class", bound=type)
References = tuple["weakref.ref[Any]", ...]


def loaded_class(module: str, name: str) -> type | None:
    """Return a class of a loaded module; None if the module is not loaded, or has no such class."""
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) else None


class LiveObjects:
    """The objects of these classes and their subclasses; each is held once.

    Args:
        classes: those of the wanted objects.
        frozen: references to those that ``gc.freeze`` hides; None if it hides unknown ones.
    """

    def __init__(self, classes: Iterable[type], *, frozen: References | None = ()) -> None:
        wanted = {id(each) for cls in classes for each in with_subclasses(cls)}
        if frozen is None:
            gc.unfreeze()
        objects = gc.get_objects()
        if frozen is None:
            gc.freeze()  # no collection need look at them
        objects += (reference() for reference in frozen or ())
        # By the types' ids, within C: a type may have a metaclass with a hash or a comparison of its own.
        self._found: list[Any] = list(compress(objects, map(wanted.__contains__, map(id, map(type, objects)))))

    def of(self, cls: type | None) -> Iterator[Any]:
        """Yield the objects of one of the classes; none of a class that is not loaded."""
        wanted = with_subclasses(cls) if cls is not None else []
        for each in self._found:
            if any(type(each) is known for known in wanted):
                yield each

    def references(self) -> References | None:
        """Return weak references to all of them; None if a class allows none."""
        try:
            return tuple(map(weakref.ref, self._found))
        except TypeError:
            return None


def with_subclasses(cls: type) -> list[type]:
    """Return a class and everything that is derived from it."""
    found = [cls]
    for each in found:
        derived: list[type] = type.__subclasses__(each)
        found += [one for one in derived if one not in found]
    return found


def further_references(mapping: Mapping[Any, Any], key: object) -> int:
    """Return how many references there are to the value, except this mapping's and one ``LiveObjects``'s.

    The caller must not refer to the value itself.
    """
    return _references(mapping, key) - _ALONE


def _references(mapping: Mapping[Any, Any], key: object) -> int:
    return sys.getrefcount(mapping[key])


def _alone() -> int:
    mapping = {0: object()}
    listed = [mapping[0]]
    count = _references(mapping, 0)
    del listed
    return count


_ALONE = _alone()
