"""Hash objects by their content, without running any code of the project or of a package.

Theory of operation. No ``__repr__``, no ``__eq__``, no property and no ``__getattr__`` is called: an object that is
made lazily (Django's ``SimpleLazyObject``, Werkzeug's ``LocalProxy``) would be made, or would fail. Attributes are read
from the instance's dictionary and slots through the descriptors of C that hold them, and containers are read as the
built-in class below theirs. ``__class__`` and ``isinstance`` can give a wrong class; ``type`` can't.

An object's hash is made of the hashes of its parts. A reference back to an enclosing object (a cycle) is hashed as the
number of levels up. Each process walks in the same order (dictionaries keep theirs, sets are sorted), and so enters a
cycle at the same object.

Some values differ between any two imports, and are left out: addresses, times near now, long integers and other random
values. For locks, files, threads and weak collections, only the type is hashed; for a package's code, only the name. A
stored process id is hashed like any small integer; this is safe, because a project that calls ``os.getpid`` at import
gets no snapshot. For our own hooks in libraries, only the class is hashed: they hold our state.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from collections import deque
from functools import partial
from importlib.util import source_hash
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType

from ... import PACKAGE
from .code_digest import CodeDigests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPUTED: Final = sys.version_info >= (3, 14)  # annotations, when they are read
_MAX_DEPTH: Final = 60
_LARGE: Final = 1 << 40  # addresses, hashes, times in nanoseconds
_ALIGNED: Final = 16
_GROWTH: Final = 1 << 26  # of the heap, before the other process of the comparison is hashed
_DAY_S: Final = 86_400.0
_MIN_RANDOM: Final = 16  # characters of a random text
_RANDOM_TEXT: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){4})[0-9A-Za-z_+/=-]{16,}\Z")
_VOLATILE: Final = re.compile(r"0x[0-9a-f]{6,}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*")
_UNSTABLE_MODULES: Final = frozenset({
    "_abc", "_asyncio", "_contextvars", "_io", "_queue", "_random", "_socket", "_ssl", "_thread", "_weakref",
    "_weakrefset", "asyncio", "concurrent", "contextvars", "datetime", "io", "logging", "multiprocessing", "queue",
    "random", "secrets", "select", "selectors", "socket", "ssl", "tempfile", "threading", "uuid", "weakref",
})  # fmt: skip
_CLASS_SKIPPED: Final = frozenset({"__dict__", "__weakref__", "_abc_impl", "__annotations_cache__"})

_type_name = type.__dict__["__qualname__"].__get__
_get_type_module = type.__dict__["__module__"].__get__
_type_order = type.__dict__["__mro__"].__get__
_type_bases = type.__dict__["__bases__"].__get__
_type_space = type.__dict__["__dict__"].__get__
_module_descriptor: Any = type.__dict__["__dict__"].__get__(ModuleType)["__dict__"]
_module_space = _module_descriptor.__get__


def _type_module(kind: type) -> str:
    name = _get_type_module(kind)
    return name if type(name) is str else ""


def namespace(value: Any) -> dict[str, Any] | None:
    """Return the dictionary of an instance or a module, as it is; None if it has none."""
    if issubclass(type(value), ModuleType):
        space: dict[str, Any] = _module_space(value)
        return space
    for kind in _type_order(type(value)):
        found = _type_space(kind).get("__dict__")
        if found is not None:
            if type(found) is not GetSetDescriptorType:
                return None  # a proxy's: it would lead to another object
            held = found.__get__(value)
            return held if type(held) is dict else None
    return None


def heap_addresses(maps: str) -> range:
    """Return the addresses that objects on the heap of C may have; an empty range if they are large numbers.

    They are small if the interpreter is loaded at a fixed address (in Debian and Docker's images), which the heap
    follows. The identities of classes and other large objects are then as small as ordinary numbers.
    """
    try:
        with open(maps, encoding="utf-8", errors="replace") as lines:
            found = next((line for line in lines if line.rstrip().endswith("[heap]")), "0-0 ")
    except OSError:
        return range(0)
    first, _, end = found.partition(" ")[0].partition("-")
    start = int(first, 16)
    return range(start, int(end, 16) + _GROWTH, _ALIGNED) if 0 < start < _LARGE else range(0)


class ObjectDigests:
    """The hashes of one walk.

    Args:
        own: the namespaces of the project's modules, by name: only their functions and classes are hashed whole.
        maps: the file that lists the mappings of this process (proc_pid_maps(5)).
    """

    def __init__(self, own: Mapping[str, Mapping[str, Any]], maps: str = "/proc/self/maps") -> None:
        self._own = frozenset(own)
        self._files = frozenset(file for space in own.values() if type(file := space.get("__file__")) is str)
        self._left = 0
        self._code = CodeDigests()
        self._known: dict[int, bytes] = {}
        self._alive: list[Any] = []  # so that no identity is used twice
        self._active: dict[int, int] = {}
        # By the identity of a class: its hash may be a method of its metaclass.
        self._readers: dict[int, Callable[[Any], list[bytes]]] = {}
        self._slots: dict[int, list[tuple[str, Any]]] = {}
        self._now, self._monotonic = time.time(), time.monotonic()
        self._heap = heap_addresses(maps)

    def of_name(self, value: Any, limit: int) -> bytes:
        """Return the hash of the object that a name has: 8 bytes. After ``limit`` objects, only their types are hashed.

        A tree of a million nodes is data.
        """
        self._left = limit
        return self.of(value)

    def of(self, value: Any) -> bytes:
        """Return the hash of an object within the one that ``of_name`` was given."""
        leaf = _LEAVES.get(id(type(value)))
        if leaf is not None:
            return leaf(self, value)
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
        for base in _type_order(kind):
            if (reader := _READERS.get(id(base))) is not None:
                return MethodType(reader, self)
        module = _type_module(kind).partition(".")[0]
        if module in _UNSTABLE_MODULES or module == PACKAGE:
            return lambda value: [self._kind(type(value))]
        return self._instance

    def _kind(self, kind: type) -> bytes:
        return f"<{_type_module(kind)}.{_type_name(kind)}>".encode("utf-8", "replace")

    def _instance(self, value: Any) -> list[bytes]:
        """Hash an instance: its class by name, its dictionary, its slots, and its items if it is a container."""
        kind = type(value)
        parts = [self._kind(kind)]
        space = namespace(value)
        if space:
            of = self.of
            for name, held in list(space.items()):
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
            spaces = [_type_space(base) for base in _type_order(kind)]
            found = self._slots[id(kind)] = [
                (name, slot)
                for space in spaces
                if "__slots__" in space
                for name, slot in space.items()
                if type(slot) is MemberDescriptorType
            ]
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
        return [*self._instance(value), self._text(str.__str__(value))]

    def _number_like(self, value: Any) -> list[bytes]:
        return [*self._instance(value), self._integer(int.__int__(value))]

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
        return [b"module", str(_module_space(value).get("__name__")).encode("utf-8", "replace")]

    def _reference(self, value: Any) -> list[bytes]:
        target = ReferenceType.__call__(value)
        return [b"reference", self.of(target) if id(type(target)) in _REFERRED else b""]

    def _pattern(self, value: re.Pattern[Any]) -> list[bytes]:
        return [b"pattern", repr((value.pattern, value.flags)).encode("utf-8", "replace")]

    def _class(self, value: type) -> list[bytes]:
        parts = [b"class", self._kind(value)]
        if _type_module(value) not in self._own:
            return parts
        parts.append(self._kind(type(value)))
        parts.extend(self._kind(base) for base in _type_bases(value))
        of = self.of
        for name, held in list(_type_space(value).items()):
            if name in _CLASS_SKIPPED:
                continue
            parts.append(str(name).encode("utf-8", "replace"))
            # The compiler takes these from a set.
            parts.append(of(sorted(held)) if name == "__static_attributes__" else of(held))
        return parts

    # -- leaves

    def _text(self, value: str) -> bytes:
        if len(value) < _MIN_RANDOM:
            return b"'" + value.encode("utf-8", "surrogatepass")
        if _RANDOM_TEXT.match(value):
            return b"random %d" % len(value)
        return source_hash(_VOLATILE.sub("", value).encode("utf-8", "surrogatepass"))

    def _integer(self, value: int) -> bytes:
        if -_LARGE < value < _LARGE:
            if abs(value - self._now) < _DAY_S:
                return b"number"
            return b"large" if value in self._heap else b"%d" % value
        return b"large"

    def _float(self, value: float) -> bytes:
        if abs(value - self._now) < _DAY_S:
            return b"time"
        if value * 1000 % 1 and abs(value - self._monotonic) < _DAY_S:
            return b"time"
        return repr(value).encode()

    def _bytes(self, value: bytes) -> bytes:
        return b'"' + value if len(value) < _MIN_RANDOM else b"bytes %d" % len(value)

    def _constant(self, value: Any) -> bytes:
        return repr(value).encode()


def _by_identity(table: dict[type, str]) -> dict[int, Any]:
    return {id(kind): ObjectDigests.__dict__[name] for kind, name in table.items()}


_REFERRED: Final = frozenset(map(id, (FunctionType, MethodType, type)))
_LEAVES: Final[dict[int, Callable[[ObjectDigests, Any], bytes]]] = _by_identity(
    {
        bytes: "_bytes",
        float: "_float",
        int: "_integer",
        str: "_text",
        **dict.fromkeys((bool, complex, range, type(None), type(...), type(NotImplemented)), "_constant"),
    }
)
_READERS: Final[dict[int, Callable[[ObjectDigests, Any], list[bytes]]]] = _by_identity(
    {
        BuiltinFunctionType: "_builtin",
        CellType: "_cell",
        CodeType: "_code_object",
        FunctionType: "_function",
        MappingProxyType: "_view",
        MethodType: "_method",
        ModuleType: "_module",
        ReferenceType: "_reference",
        classmethod: "_class_method",
        deque: "_deque",
        dict: "_mapping",
        frozenset: "_frozenset",
        int: "_number_like",
        list: "_list",
        partial: "_partial",
        property: "_property",
        re.Pattern: "_pattern",
        set: "_set",
        staticmethod: "_static_method",
        str: "_text_like",
        tuple: "_tuple",
        type: "_class",
    }
)
