"""Records: immutable objects with named fields, whose classes cost nearly nothing to make. Messages are records.

On the project's side this module runs on Python 3.10 to 3.15, so it imports only the standard library.

``dataclass(frozen=True)`` compiles six methods for each class, 0.4 to 0.9 ms of CPU on CPython 3.11 to 3.13. Each start
of the appliance makes 260 such classes: messages, the states and events of the supervisor's tables, findings about a
project. Records share their methods. In exchange an instance takes 1 µs more to make, so a class of which a request
or a sweep of the watcher makes many instances remains a dataclass.

Decision 68 says why.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import replace as replace  # noqa: PLC0414  exported; type checkers compare the changes with the fields
else:

    def replace(record: Any, /, **changes: Any) -> Any:
        """Return a copy of a record in which some fields have other values."""
        return type(record)(**{**vars(record), **changes})


if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        """Return a decorator that does nothing: only type checkers need it."""
        return lambda cls: cls


_T = TypeVar("_T")


class _MadeDefault:
    """A default that is made for each instance."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def made_default(*, default_factory: Callable[[], _T]) -> _T:
    """Return a default for a field: the factory is called for each instance that has no other value."""
    return cast("_T", _MadeDefault(default_factory))


@dataclass_transform(frozen_default=True, field_specifiers=(made_default,))
class Record:
    """The base class. A subclass declares fields as a dataclass does; it is compared and hashed by class and values.

    Annotations are read as texts: the module of a subclass has ``from __future__ import annotations``.
    """

    _types: ClassVar[dict[str, str]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        declared = {name: text for name, text in cls.__annotations__.items() if not text.startswith("ClassVar")}
        cls._types = {**cls._types, **declared}
        cls._defaults = {**cls._defaults, **{name: vars(cls)[name] for name in declared if name in vars(cls)}}
        cls.__match_args__ = tuple(cls._types)  # type: ignore[misc]  # checkers think that they know it

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self.__match_args__
        if not named and len(values) == len(fields):
            vars(self).update(zip(fields, values, strict=True))
            return
        given = dict(zip(fields, values))  # noqa: B905  compared below
        if len(values) > len(fields) or not given.keys().isdisjoint(named):
            self._refuse(values, named)
        given.update(named)
        state = vars(self)
        for name in fields:
            if name in given:
                state[name] = given.pop(name)
            elif name in self._defaults:
                default = self._defaults[name]
                state[name] = default.make() if isinstance(default, _MadeDefault) else default
            else:
                self._refuse(values, named)
        if given:
            self._refuse(values, named)

    def _refuse(self, values: tuple[Any, ...], named: dict[str, Any]) -> NoReturn:
        given = ", ".join([f"{len(values)} by position", *named])
        raise TypeError(f"{type(self).__qualname__} has the fields {self.__match_args__}, and was given {given}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__qualname__} is immutable: its {name} can't be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__qualname__} is immutable: its {name} can't be deleted")


def declared_types(kind: type[Record]) -> dict[str, str]:
    """Return the type of each field as it is written, in the order of the fields."""
    return kind._types  # noqa: SLF001  of this module


class Message(Record):
    """The base class of the messages between the supervisor and its children; their fields are JSON values."""

    kind: ClassVar[str]

    def fits(self, descriptors: int) -> bool:
        """Whether a child may send this number of descriptors with the message."""
        return descriptors == 0
