"""The state that an import left, as lines of text that are equal for equal states. The standard library alone.

Each object has a number, in the order in which it is found; a line says its type and what it refers to. So the same
functions in the same places of the same registries give the same lines: names, types, code to its positions, defaults,
closures, classes. Tuples and other constants are compared by value.
"""

from __future__ import annotations

import gc
import itertools
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

ATOMS = (int, float, complex, str, bytes, bool, type(None), type(...), type(NotImplemented), range)
UNNAMED = {"__builtins__", "__spec__", "__loader__", "__cached__", "__dict__", "__weakref__"}
CODE = (
    "co_name",
    "co_qualname",
    "co_filename",
    "co_firstlineno",
    "co_flags",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_code",
    "co_exceptiontable",
    "co_stacksize",
)
NOTHING = object()


class State:
    """The lines; ``is_project_path`` tells the files whose functions and classes are looked into."""

    def __init__(self, is_project_path: Callable[[str], bool]) -> None:
        self.lines: list[str] = []
        self._is_own = is_project_path
        self._numbers: dict[int, int] = {}
        self._found: list[Any] = []  # also keeps them: a number is an object's for good
        self._codes: dict[int, str] = {}
        self._texts: dict[str, int] = {}
        self._kept: list[Any] = []
        self._own_modules = {name for name, each in list(sys.modules.items()) if self._is_own_module(each)}

    def _is_own_module(self, module: Any) -> bool:
        file = getattr(module, "__dict__", {}).get("__file__")
        return isinstance(file, str) and self._is_own(file)

    def add(self, title: str, value: Any) -> None:
        """Add an object, and all that it refers to."""
        done = len(self._found)
        self.lines.append(f"{title} = {self.name(value)}")
        while done < len(self._found):
            self.lines.append(f"#{done} {self._line(self._found[done])}")
            done += 1

    def name(self, value: Any) -> str:  # noqa: C901, PLR0911  a table
        """The name of an object: its value, or its number."""
        kind = type(value)
        if kind is int and 1 << 40 < value < 1 << 48:
            return "an address"  # as id() returns it: Django's signals keep some
        if kind in ATOMS:
            return re.sub(r" at 0x[0-9a-f]+", " at 0x", repr(value))
        if kind is tuple:
            return f"({', '.join(map(self.name, value))})"
        if kind is slice:
            return f"slice{self.name((value.start, value.stop, value.step))}"
        if kind is frozenset:
            return f"frozenset({sorted(map(self.name, value))})"
        if kind is types.ModuleType:
            return f"module {value.__name__}"
        if kind is types.BuiltinFunctionType:
            return f"builtin {value.__qualname__} of {self.name(value.__self__)}"
        if issubclass(kind, type) and type.__dict__["__module__"].__get__(value) not in self._own_modules:
            return f"type {value.__module__}.{type.__dict__['__qualname__'].__get__(value)}"
        if kind is types.CodeType:
            return self._code_name(value)
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._found)
            self._found.append(value)
        return f"#{self._numbers[id(value)]}"

    def _line(self, value: Any) -> str:
        parts = [f"{part}={self.name(each) if part else each}" for part, each in self._parts(value)]
        return f"{self.name(type(value))} {' '.join(parts)}"

    def _parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The parts of an object, each with its name; a part without a name is text."""
        kind = type(value)
        if kind is types.FunctionType:
            yield from self._function(value)
        elif issubclass(kind, type):
            yield "bases", value.__bases__
            yield from self._names(type.__dict__["__dict__"].__get__(value))
        elif issubclass(kind, dict):
            for index, (key, each) in enumerate(list(dict.items(value))):
                yield f"key{index}", key
                yield f"value{index}", each
            yield from self._rest(value, contents=True)
        elif issubclass(kind, set):
            yield "", sorted(map(self._set_item, value))
        elif issubclass(kind, types.FrameType):
            yield "line", value.f_lineno
            yield "code", value.f_code
        elif issubclass(kind, weakref.ref):
            yield "object", value()
        elif kind.__name__ == "_abc_data":
            yield "", "of an abstract class"  # a cache of isinstance
        else:
            yield from self._rest(value)

    def _set_item(self, value: Any) -> str:
        return f"{getattr(value, '__qualname__', '')}{'' if type(value) not in (*ATOMS, tuple) else self.name(value)}"

    def _rest(self, value: Any, *, contents: bool = False) -> Iterator[tuple[str, Any]]:
        """Yield the objects that an object refers to: its attributes, then those the collector knows."""
        try:
            names = object.__getattribute__(value, "__dict__")
        except Exception:  # noqa: BLE001  a class may raise anything
            names = None
        if isinstance(names, dict):
            yield from self._names(names)
        if contents:
            return
        if isinstance(value, threading.Thread):
            return
        others = [each for each in gc.get_referents(value) if each is not names and each is not type(value)]
        yield from ((f"part{index}", each) for index, each in enumerate(others))
        if not others and not names:
            yield "", re.sub(r"0x[0-9a-f]+", "0x", object.__repr__(value))
        if isinstance(value, re.Pattern):
            yield "pattern", value.pattern
        for name in ("gi_code", "cr_code", "ag_code"):
            if (
                code := getattr(value, name, None)
                if isinstance(value, types.GeneratorType | types.CoroutineType)
                else None
            ):
                yield name, code

    def _names(self, names: Any) -> Iterator[tuple[str, Any]]:
        for name, each in list(names.items()):
            if name == "__warningregistry__":
                yield name, tuple(each_key for each_key in each if each_key != "version")
            elif name == "__static_attributes__":
                yield name, tuple(sorted(each))
            elif name not in {*UNNAMED, "_native_id"} and type(each) not in (
                types.GetSetDescriptorType,
                types.MemberDescriptorType,
            ):
                yield str(name), each

    def _code_name(self, code: types.CodeType) -> str:
        """The name of code, by its content: equal code is one, whether it was replaced or not."""
        if not self._is_own(code.co_filename):
            return f"code {code.co_qualname}"
        if id(code) not in self._codes:
            self._kept.append(code)
            parts = [f"{name}={getattr(code, name)!r}" for name in CODE]
            positions = hash(tuple(code.co_positions()))
            text = f"{' '.join(parts)} {positions} co_consts={self.name(code.co_consts)}"
            number = self._texts.setdefault(text, len(self._texts))
            if number == len(self._texts) - 1:
                self.lines.append(f"code{number} {text}")
            self._codes[id(code)] = f"code{number}"
        return self._codes[id(code)]

    def _function(self, function: types.FunctionType) -> Iterator[tuple[str, Any]]:
        for name in ("__module__", "__name__", "__qualname__", "__doc__", "__defaults__", "__kwdefaults__", "__code__"):
            yield name, getattr(function, name)
        yield "globals", function.__globals__.get("__name__")
        yield "__type_params__", getattr(function, "__type_params__", ())
        yield "annotations", getattr(function, "__annotate__" if sys.version_info >= (3, 14) else "__annotations__")
        for cell in function.__closure__ or ():
            yield "cell", cell
            try:
                yield "content", cell.cell_contents
            except ValueError:
                yield "", "empty"
        yield from self._names(function.__dict__)


def called(state: State, module: types.ModuleType, is_project_path: Callable[[str], bool]) -> None:
    """Call the functions and classes of a module, and add the results."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type):
            if value.__module__ != module.__name__:
                continue
            made = _call(state, f"{name}()", value, is_project_path)
            for inner in list(vars(value)) if made is not NOTHING else ():
                if not inner.startswith("__") or inner in {"__repr__", "__len__", "__iter__", "__call__"}:
                    _call(
                        state,
                        f"{name}().{inner}",
                        lambda made=made, inner=inner: _used(getattr(made, inner)),
                        is_project_path,
                    )
        elif callable(value) and getattr(value, "__module__", None) == module.__name__:
            _call(state, f"{name}()", value, is_project_path)


def _used(value: Any) -> Any:
    return value() if callable(value) else value


def _call(state: State, title: str, value: Any, is_project_path: Callable[[str], bool]) -> Any:
    for arguments in ((), (2,), (2, 3), ("a",)):
        try:
            result = value(*arguments)
            if isinstance(result, types.GeneratorType):
                result = list(itertools.islice(result, 5))
            elif isinstance(result, types.CoroutineType):
                try:
                    result.send(None)
                except StopIteration as stop:
                    result = ("awaited", stop.value)
        except TypeError as error:
            last = error
            continue
        except Exception as error:  # noqa: BLE001  as above
            state.add(f"{title} raised", (type(error).__name__, str(error), _lines(error, is_project_path)))
            return NOTHING
        state.add(f"{title} {arguments}", result)
        return result
    state.add(f"{title} raised", (re.sub("0x[0-9a-f]+", "", str(last)), _lines(last, is_project_path)))
    return NOTHING


def _lines(error: BaseException, is_project_path: Callable[[str], bool]) -> tuple[int | None, ...]:
    lines, trace = [], error.__traceback__
    while trace is not None:
        if is_project_path(trace.tb_frame.f_code.co_filename):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return tuple(lines)
