"""Replace a method of a class, also of one that is written in C and refuses assignments.

Theory of operation. ``sqlite3`` and psycopg2 have their cursors in C. With a subclass in their place, the project would
notice a difference: in ``type(cursor)``, in its own factories, in functions that it has imported before. So the method
is replaced in the dictionary of the class itself. The collector knows this dictionary: the read-only view of the class
refers to it. CPython caches what it has found in a class, until the class is modified (C API: ``PyType_Modified``).
Setting and deleting ``__abstractmethods__`` by its descriptor is such a modification, and has no other effect. The
replacement of a method must always hold a reference to the original: code that is specialised for the original holds
none.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ABSTRACT: Any = vars(type)["__abstractmethods__"]
_originals: list[object] = []


def replace(kind: type, name: str, wrapped: Callable[[Any], Any]) -> None:
    """Replace a method that this class defines itself by what ``wrapped`` returns for it; leave an inherited one.

    Raises:
        TypeError: this interpreter does not let a class of C be changed.
    """
    original = vars(kind).get(name)
    if original is None:
        return
    _originals.append(original)
    replacement = wrapped(original)
    try:
        setattr(kind, name, replacement)
    except TypeError:
        _replace_in_dictionary(kind, name, replacement)


def _replace_in_dictionary(kind: type, name: str, replacement: object) -> None:
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise TypeError(f"{kind.__qualname__} can't be changed in this interpreter")
    (dictionary,) = gc.get_referents(vars(kind))
    if type(dictionary) is not dict or "__abstractmethods__" in dictionary:
        raise TypeError(f"{kind.__qualname__} has a dictionary of an unknown kind")
    original = dictionary[name]
    dictionary[name] = replacement
    _tell_modified(kind)
    if getattr(kind, name, None) is not replacement:
        dictionary[name] = original
        _tell_modified(kind)
        raise TypeError(f"{kind.__qualname__} does not look into its dictionary")


def _tell_modified(kind: type) -> None:
    """Let the interpreter look up again what it has found in this class and its subclasses."""
    _ABSTRACT.__set__(kind, ())
    _ABSTRACT.__delete__(kind)
