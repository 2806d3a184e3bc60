"""Hash objects by their content, without running any code of the project or of a package.

Theory of operation. No ``__repr__``, no ``__eq__``, no property and no ``__getattr__`` is called: an object that is
made lazily (Django's ``SimpleLazyObject``, Werkzeug's ``LocalProxy``) would be made, or would fail. Attributes are read
from the instance's dictionary and slots (``static_attributes``), and containers are read as the built-in class below
theirs. ``__class__`` and ``isinstance`` can give a wrong class; ``type`` can't.

An object's hash is made of the hashes of its parts. A reference back to an enclosing object (a cycle) is hashed as the
number of levels up. Each process walks in the same order (dictionaries keep theirs, sets are sorted), and so enters a
cycle at the same object.

Parts of values that differ between any two imports are left out (``value_digests``), and the attributes that packages
compute when they are needed (``computed_attributes``). For locks, files, threads and weak collections, only the type is
hashed; for a package's code, only the name. For our own hooks in libraries, only the class is hashed: they hold our
state.
"""

from __future__ import annotations

import gc
import re
import sys
from collections import deque
from functools import partial
from importlib.util import source_hash
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType

from .... import PACKAGE
from ..static_attributes import (
    module_namespace,
    namespace,
    slots,
    type_bases,
    type_module,
    type_name,
    type_namespace,
    type_order,
)
from .code_digest import CodeDigests
from .computed_attributes import ComputedAttributes
from .value_digests import ValueDigests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPUTED: Final = sys.version_info >= (3, 14)  # annotations, when they are read
_MAX_DEPTH: Final = 60
_UNSTABLE_MODULES: Final = frozenset({
    "_abc", "_asyncio", "_contextvars", "_io", "_queue", "_random", "_socket", "_ssl", "_thread", "_weakref",
    "_weakrefset", "asyncio", "concurrent", "contextvars", "datetime", "io", "logging", "multiprocessing", "queue",
    "random", "secrets", "select", "selectors", "socket", "ssl", "tempfile", "threading", "uuid", "weakref",
})  # fmt: skip
_CLASS_SKIPPED: Final = frozenset({"__dict__", "__weakref__", "_abc_impl", "__annotations_cache__"})
_REFERRED: Final = frozenset(map(id, (FunctionType, MethodType, type)))


class ObjectDigests:
    """The hashes of one walk.

    Args:
        own: the namespaces of the project's modules, by name: only their functions and classes are hashed whole.
    """

    def __init__(self, own: Mapping[str, Mapping[str, Any]]) -> None:
        self._own = frozenset(own)
        self._files = frozenset(file for space in own.values() if type(file := space.get("__file__")) is str)
        self._left = 0
        self._code = CodeDigests()
        self._known: dict[int, bytes] = {}
        self._alive: list[Any] = []  # so that no identity is used twice
        self._active: dict[int, int] = {}
        # By the identity of a class: its hash may be a method of its metaclass.
        self._built_in = {id(kind): reader for kind, reader in self._readers_of_types().items()}
        self._readers: dict[int, Callable[[Any], list[bytes]]] = {}
        self._slots: dict[int, list[tuple[str, Any]]] = {}
        self._computed = ComputedAttributes(self._own.__contains__)
        self._values = ValueDigests()
        self._leaves = self._values.by_type

    def of_name(self, value: Any, limit: int) -> bytes:
        """Return the hash of the object that a name has: 8 bytes. After ``limit`` objects, only their types are hashed.

        A tree of a million nodes is data.
        """
        self._left = limit
        return self.of(value)

    def of(self, value: Any) -> bytes:
        """Return the hash of an object within the one that ``of_name`` was given."""
        leaf = self._leaves.get(id(type(value)))
        if leaf is not None:
            return leaf(value)
        number = id(value)
        known = self._known.get(number)
        if known is not None:
            return known
        depth = len(self._active)
        if number in self._active:
            return b"cycle %d" % (depth - self._active[number])
        if self._left <= 0 or depth >= _MAX_DEPTH:
            return self._kind(type(value))
        self._left -= 1
        self._active[number] = depth
        try:
            reader = self._readers.get(id(type(value))) or self._reader(type(value))
            parts = reader(value)
        except Exception:  # noqa: BLE001  an object of C that is half made
            parts = [self._kind(type(value))]
        del self._active[number]
        digest = self._known[number] = source_hash(b"\0".join(parts))
        self._alive.append(value)
        return digest

    def combined(self, digests: Mapping[str, bytes]) -> bytes:
        """Return one hash of several names; their order counts."""
        return source_hash(
            b"\0".join(b"%b=%b" % (name.encode("utf-8", "replace"), each) for name, each in digests.items())
        )

    # -- by type

    def _reader(self, kind: type) -> Callable[[Any], list[bytes]]:
        reader = self._readers[id(kind)] = self._choose_reader(kind)
        self._alive.append(kind)
        return reader

    def _choose_reader(self, kind: type) -> Callable[[Any], list[bytes]]:
        for base in type_order(kind):
            if (reader := self._built_in.get(id(base))) is not None:
                return reader
        module = type_module(kind).partition(".")[0]
        if module in _UNSTABLE_MODULES or module == PACKAGE:
            return lambda value: [self._kind(type(value))]
        return self._instance

    def _readers_of_types(self) -> dict[type, Callable[[Any], list[bytes]]]:
        return {
            BuiltinFunctionType: self._builtin,
            CellType: self._cell,
            CodeType: self._code_object,
            FunctionType: self._function,
            MappingProxyType: self._view,
            MethodType: self._method,
            ModuleType: self._module,
            ReferenceType: self._reference,
            classmethod: self._class_method,
            deque: self._deque,
            dict: self._mapping,
            frozenset: self._frozenset,
            int: self._number_like,
            list: self._list,
            partial: self._partial,
            property: self._property,
            re.Pattern: self._pattern,
            set: self._set,
            staticmethod: self._static_method,
            str: self._text_like,
            tuple: self._tuple,
            type: self._class,
        }

    def _kind(self, kind: type) -> bytes:
        return f"<{type_module(kind)}.{type_name(kind)}>".encode("utf-8", "replace")

    def _instance(self, value: Any) -> list[bytes]:
        """Hash an instance: its class by name, its dictionary, its slots, and its items if it is a container."""
        kind = type(value)
        parts = [self._kind(kind)]
        space = namespace(value)
        if space:
            of, computed = self.of, self._computed.of(kind)
            for name, held in list(space.items()):
                if type(name) is not str or name not in computed:
                    parts.append(of(name))
                    parts.append(of(held))
        for name, slot in self._slots_of(kind):
            try:
                held = slot.__get__(value)
            except AttributeError:
                continue
            parts.append(name.encode())
            parts.append(self.of(held))
        return parts

    def _slots_of(self, kind: type) -> list[tuple[str, Any]]:
        found = self._slots.get(id(kind))
        if found is None:
            found = self._slots[id(kind)] = slots(kind)
        return found

    # -- containers

    def _mapping(self, value: Any) -> list[bytes]:
        parts = [] if type(value) is dict else self._instance(value)
        of = self.of
        for key, held in list(dict.items(value)):
            parts.append(of(key))
            parts.append(of(held))
        return [b"{", *parts]

    def _list(self, value: Any) -> list[bytes]:
        return [b"[", *self._instance(value), *map(self.of, list.__iter__(value))]

    def _tuple(self, value: Any) -> list[bytes]:
        return [b"(", *self._instance(value), *map(self.of, tuple.__iter__(value))]

    def _deque(self, value: Any) -> list[bytes]:
        return [b"deque", *self._instance(value), *map(self.of, deque.__iter__(value))]

    def _set(self, value: Any) -> list[bytes]:
        return [b"set", *self._instance(value), *sorted(map(self.of, set.__iter__(value)))]

    def _frozenset(self, value: Any) -> list[bytes]:
        return [b"frozenset", *self._instance(value), *sorted(map(self.of, frozenset.__iter__(value)))]

    def _view(self, value: Any) -> list[bytes]:
        return [b"view", *map(self.of, gc.get_referents(value))]

    def _text_like(self, value: Any) -> list[bytes]:
        return [*self._instance(value), self._values.text(str.__str__(value))]

    def _number_like(self, value: Any) -> list[bytes]:
        return [*self._instance(value), self._values.integer(int.__int__(value))]

    # -- code

    def _function(self, value: FunctionType) -> list[bytes]:
        if str(value.__globals__.get("__name__")).startswith(f"{PACKAGE}."):
            return [b"ours"]
        code = value.__code__
        of = self.of
        parts = [b"function", of(value.__module__), of(value.__qualname__)]
        if value.__closure__:
            parts.extend(map(of, value.__closure__))
        if value.__dict__:
            parts.append(of(value.__dict__))
        if code.co_filename in self._files or code.co_filename.startswith("<"):
            kinds = getattr(value, "__type_params__", ())
            # To read annotations would run code. The function that computes them, if there is one, is compared.
            notes = getattr(value, "__annotate__", None) if _COMPUTED else value.__annotations__
            parts.append(self._code.of(code))
            parts.extend(map(of, (value.__defaults__, value.__kwdefaults__, value.__doc__, notes, kinds)))
        return parts

    def _builtin(self, value: BuiltinFunctionType) -> list[bytes]:
        owner = value.__self__
        holder = b"" if owner is None or issubclass(type(owner), ModuleType) else self.of(owner)
        return [b"builtin", str(value.__qualname__).encode(), holder]

    def _method(self, value: MethodType) -> list[bytes]:
        return [b"method", self.of(value.__func__), self.of(value.__self__)]

    def _class_method(self, value: Any) -> list[bytes]:
        return [*self._instance(value), self.of(classmethod.__dict__["__func__"].__get__(value))]

    def _static_method(self, value: Any) -> list[bytes]:
        return [*self._instance(value), self.of(staticmethod.__dict__["__func__"].__get__(value))]

    def _property(self, value: Any) -> list[bytes]:
        held = (property.__dict__[name].__get__(value) for name in ("fget", "fset", "fdel", "__doc__"))
        return [*self._instance(value), *map(self.of, held)]

    def _partial(self, value: Any) -> list[bytes]:
        held = (partial.__dict__[name].__get__(value) for name in ("func", "args", "keywords"))
        return [*self._instance(value), *map(self.of, held)]

    def _cell(self, value: CellType) -> list[bytes]:
        try:
            return [b"cell", self.of(value.cell_contents)]
        except ValueError:
            return [b"cell"]

    def _code_object(self, value: CodeType) -> list[bytes]:
        return [b"code", self._code.of(value)]

    def _module(self, value: ModuleType) -> list[bytes]:
        return [b"module", str(module_namespace(value).get("__name__")).encode("utf-8", "replace")]

    def _reference(self, value: Any) -> list[bytes]:
        target = ReferenceType.__call__(value)
        return [b"reference", self.of(target) if id(type(target)) in _REFERRED else b""]

    def _pattern(self, value: re.Pattern[Any]) -> list[bytes]:
        return [b"pattern", repr((value.pattern, value.flags)).encode("utf-8", "replace")]

    def _class(self, value: type) -> list[bytes]:
        parts = [b"class", self._kind(value)]
        if type_module(value) not in self._own:
            return parts
        parts.append(self._kind(type(value)))
        parts.extend(self._kind(base) for base in type_bases(value))
        of = self.of
        for name, held in list(type_namespace(value).items()):
            if name in _CLASS_SKIPPED:
                continue
            parts.append(str(name).encode("utf-8", "replace"))
            # The compiler takes these from a set.
            parts.append(of(sorted(held)) if name == "__static_attributes__" else of(held))
        return parts
