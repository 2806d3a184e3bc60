"""Represent the local values of a frame as texts, without running any code of the project.

Runs in the worker, after an exception, on the values of the project's own frames.

Theory of operation. ``repr()`` of an object is the project's code: it may query a database, hang, raise, or be huge. So
only values of built-in types are represented by their content, and their methods are called on the type (``str.``,
``dict.items``), where a subclass can't have replaced them. Every other object is represented by its class and by the
attributes in its own ``__dict__``. Depth, the number of parts, the characters of one value and of all are bounded.
"""

from __future__ import annotations

import re
import sys
import types
from itertools import islice
from typing import TYPE_CHECKING, Any

from ....masking import MASKED, SECRET
from ..tracebacks import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_LOCALS = 40  # of one frame
MAX_VALUE = 600  # characters of one value
MAX_ALL = 60_000  # characters of all values of a report
_MAX_TEXT = 300  # characters of a string
_MAX_ITEMS = 12
_MAX_ATTRIBUTES = 6
_MAX_DEPTH = 3
_MAX_PARTS = 80  # of one value, in all its depths
_MAX_BITS = 512  # of an integer that is written in decimal: more takes quadratic time
_MARGIN = 4096  # beyond a cut: so that a secret there is masked as a whole
_PLAIN = frozenset(map(id, (float, complex, bool, type(None), type(Ellipsis), type(NotImplemented), range)))
# Types in C whose repr calls nothing of others.
_SAFE = {
    "datetime": ("date", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "pathlib": ("PosixPath", "PurePosixPath"),
    "ipaddress": ("IPv4Address", "IPv6Address"),
    "zoneinfo": ("ZoneInfo",),
}
_GENERATED = re.compile(r"^(?:__\w+__|\.\d+|@\w+)$")  # __builtins__, a comprehension's iterator, pytest's
_MRO = type.__dict__["__mro__"]
_COLLECTIONS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


class LocalValues:
    """Represents values until ``MAX_ALL`` is used up.

    Args:
        mask: masks secrets in a text.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._left = MAX_ALL
        self._parts = 0
        self._safe = _PLAIN | set(map(id, _loaded_types()))  # ids: a metaclass may have an __eq__ of its own

    def of(self, variables: dict[str, Any]) -> list[list[str]]:
        """Return name and text of each variable of a frame."""
        names = [name for name in variables if type(name) is str and not _GENERATED.match(name)]
        found = []
        for name in names[:MAX_LOCALS]:
            if self._left <= 0:
                found.append(["...", "(the page has no room for more values)"])
                break
            text = MASKED if SECRET.search(name) and _is_secret(variables[name]) else self.text(variables[name])
            self._left -= len(text)
            found.append([name[:200], text])
        if len(names) > MAX_LOCALS:
            found.append(["...", f"({len(names) - MAX_LOCALS} more)"])
        return found

    def text(self, value: object) -> str:
        """Return the text of one value."""
        self._parts = _MAX_PARTS
        try:
            text = self._text(value, _MAX_DEPTH)
        except Exception:  # noqa: BLE001  for example a dict that another thread changes
            text = _plain_object(type(value))
        return shorten(self._mask(text), MAX_VALUE)

    def _text(self, value: Any, depth: int) -> str:  # noqa: PLR0911  one for each kind of value
        self._parts -= 1
        kind = type(value)
        if self._parts < 0:
            return "..."
        if issubclass(kind, (str, bytes, bytearray)):
            return self._string(value)
        if id(kind) in self._safe:
            return repr(value)
        if issubclass(kind, (int, float)):
            return _number(value, kind)
        for collection, (start, end) in _COLLECTIONS.items():
            if issubclass(kind, collection):
                return self._collection(value, collection, start, end, depth)
        if issubclass(kind, dict):
            return self._mapping(value, depth)
        return _named(value, kind) or self._object(value, kind, depth)

    def _string(self, value: Any) -> str:
        base = next(each for each in (str, bytes, bytearray) if issubclass(type(value), each))
        length = base.__len__(value)
        text: Any = base.__getitem__(value, slice(_MAX_TEXT + _MARGIN))
        if base is str:
            text = self._mask(text)
        else:
            text = self._mask(bytes(text).decode("latin-1")).encode("latin-1", "replace")
        shown = repr(text[:_MAX_TEXT])
        if base is bytearray:
            shown = f"bytearray({shown})"
        return shown if length <= _MAX_TEXT else f"{shown}... ({length} in all)"

    def _collection(self, value: Any, base: Any, start: str, end: str, depth: int) -> str:
        length = base.__len__(value)
        if length and depth <= 0:
            return f"{start}...{end}"
        items = [self._text(each, depth - 1) for each in islice(base.__iter__(value), _MAX_ITEMS)]
        if length > _MAX_ITEMS:
            items.append(f"... ({length} in all)")
        if base is tuple and length == 1:
            items[0] += ","
        text = f"{start}{', '.join(items)}{end}"
        if base in (set, frozenset) and not length:
            text = f"{base.__name__}()"
        return text if type(value) is base else f"{_name(type(value))}({text})"

    def _mapping(self, value: Any, depth: int) -> str:
        length = dict.__len__(value)
        if length and depth <= 0:
            return "{...}"
        items = [self._item(key, each, depth) for key, each in islice(dict.items(value), _MAX_ITEMS)]
        if length > _MAX_ITEMS:
            items.append(f"... ({length} in all)")
        text = f"{{{', '.join(items)}}}"
        return text if type(value) is dict else f"{_name(type(value))}({text})"

    def _item(self, key: object, value: object, depth: int) -> str:
        return f"{self._text(key, depth - 1)}: {self._named_value(key, value, depth)}"

    def _named_value(self, name: object, value: object, depth: int) -> str:
        secret = type(name) is str and SECRET.search(name) and _is_secret(value)
        return repr(MASKED) if secret else self._text(value, depth - 1)

    def _object(self, value: object, kind: type, depth: int) -> str:
        """Represent an instance by its class, and the public attributes that are stored in it."""
        attributes = _own_attributes(value, kind) if depth == _MAX_DEPTH else {}
        shown: Iterable[tuple[Any, Any]] = (
            (name, each) for name, each in dict.items(attributes) if type(name) is str and name[:1] != "_"
        )
        items = [f"{name}={self._named_value(name, each, 1)}" for name, each in islice(shown, _MAX_ATTRIBUTES)]
        return f"<{_name(kind)} object{': ' if items else ''}{', '.join(items)}>"


def _is_secret(value: Any) -> bool:
    """Whether a value may be a secret: an empty text, a function or a truth value is none."""
    kind = type(value)
    for base in (str, bytes, bytearray):
        if issubclass(kind, base):
            return bool(base.__len__(value))
    return issubclass(kind, int) and kind is not bool


def _number(value: Any, kind: type) -> str:
    if member := _member(value, kind):
        return member
    if issubclass(kind, float):
        return float.__repr__(value)
    bits = int.bit_length(value)
    return int.__repr__(value) if bits <= _MAX_BITS else f"<int of {bits} bits>"


def _named(value: Any, kind: type) -> str:
    """Represent a named value: a function, a class, a module; "" for other values."""
    if kind is types.ModuleType:
        name = types.ModuleType.__getattribute__(value, "__dict__").get("__name__")
        return f"<module {name[:100]!r}>" if type(name) is str else "<module>"
    if kind is types.FunctionType or kind is types.BuiltinFunctionType:
        return f"<function {str.__getitem__(value.__qualname__, slice(100))}>"
    if kind is types.MethodType:
        return f"<method of {_name(type(value.__self__))}>"
    if issubclass(kind, type):
        return f"<class {_name(value)!r}>"
    if issubclass(kind, BaseException):
        return f"<{_name(kind)}>"
    return _member(value, kind)


def _member(value: object, kind: type) -> str:
    """Represent a member of an enumeration by its name; "" for other values."""
    enumeration = getattr(sys.modules.get("enum"), "Enum", None)
    if enumeration is None or not issubclass(kind, enumeration):
        return ""
    name = _own_attributes(value, kind).get("_name_")
    return f"<{_name(kind)}.{name[:100]}>" if type(name) is str else ""


def _own_attributes(value: object, kind: type) -> dict[str, Any]:
    """Return the instance's ``__dict__``, if it is the interpreter's and not a property of the class."""
    for each in _MRO.__get__(kind):
        found = type.__getattribute__(each, "__dict__").get("__dict__")
        if found is not None:
            stored = found.__get__(value) if type(found) is types.GetSetDescriptorType else {}
            return stored if type(stored) is dict else {}
    return {}


def _plain_object(kind: type) -> str:
    return f"<{_name(kind)} object>"


def _name(kind: Any) -> str:
    """Return a class's name with its module; both are plain attributes of a type, unless a metaclass hides them."""
    try:
        module, name = type.__getattribute__(kind, "__module__"), type.__getattribute__(kind, "__qualname__")
    except Exception:  # noqa: BLE001  __module__ may be a property
        return "?"
    name = str.__getitem__(name, slice(100))
    plain = type(module) is not str or module in {"builtins", "__main__"}
    return name if plain else f"{module[:100]}.{name}"


def _loaded_types() -> Iterator[type]:
    """Yield the types of ``_SAFE`` whose modules are loaded: no value can have another."""
    for module, names in _SAFE.items():
        for name in names:
            found = getattr(sys.modules.get(module), name, None)
            if isinstance(found, type):
                yield found
