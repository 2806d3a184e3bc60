"""Match the instructions of two versions of a code object, and pair the code objects inside them.

Pure. Nothing is run, and no function or class is looked at.

Theory of operation. Two bodies match if they do the same: equal instructions, names, variables and constants, wherever
they stand in the file. Their inner code objects are then pairs, by their place among the constants: names may repeat
(redefinitions, overloads, ``_``), places can't. Constants are compared by type and bits: ``1 == 1.0 == True``, and
``0.0 == -0.0``.

Since Python 3.13 a class's body stores two constants that depend on other lines: ``__firstlineno__``, and
``__static_attributes__``, the names that its methods assign. A constant that moves changes the places of others, and a
line number above 255 another instruction. So the bodies of classes are compared by resolved instructions, without these
two constants; an assignment gives the class their new values.
"""

from __future__ import annotations

import opcode
import struct
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIMIZED_NEW_LOCALS: Final = 3  # flags that functions have, and bodies of modules and classes have not
_EXTENDED_ARG: Final = opcode.opmap["EXTENDED_ARG"]
_LOAD_CONST: Final = opcode.opmap["LOAD_CONST"]
_RETURN_CONST: Final = opcode.opmap.get("RETURN_CONST", _LOAD_CONST)
_LOAD_SMALL_INT: Final = opcode.opmap.get("LOAD_SMALL_INT", -1)
_IMPORT_NAME: Final = opcode.opmap["IMPORT_NAME"]
_STORE_NAME: Final = opcode.opmap["STORE_NAME"]
FIRST_LINE: Final = "__firstlineno__"
ATTRIBUTES: Final = "__static_attributes__"
Pairs = list[tuple[CodeType, CodeType]]


class Instruction(NamedTuple):
    """One instruction: its operation, its argument or the constant that it loads, the offset in bytes."""

    operation: int
    argument: Any
    offset: int


class Stored(NamedTuple):
    """The two values that a class's body stores, and that depend on other lines; None before Python 3.13."""

    line: int | None
    attributes: tuple[str, ...] | None


def is_function(code: CodeType) -> bool:
    """Whether this is the code of a function (a lambda, a comprehension), not the body of a module or a class."""
    return code.co_flags & _OPTIMIZED_NEW_LOCALS == _OPTIMIZED_NEW_LOCALS


def name_of(code: CodeType) -> str:
    """Return the qualified name."""
    return getattr(code, "co_qualname", code.co_name)  # since Python 3.11


def inner(code: CodeType) -> list[CodeType]:
    """Return the code objects among the constants."""
    return [each for each in code.co_consts if type(each) is CodeType]


def tree(code: CodeType) -> Iterator[CodeType]:
    """Iterate over a code object and all inside of it."""
    yield code
    for each in inner(code):
        yield from tree(each)


def match(old: CodeType, new: CodeType) -> Pairs | None:
    """Return the pairs of inner code objects; None if the bodies do not match."""
    for attribute in (
        "co_names",
        "co_varnames",
        "co_cellvars",
        "co_freevars",
        "co_flags",
        "co_exceptiontable",
    ):
        if getattr(old, attribute, None) != getattr(new, attribute, None):
            return None
    if FIRST_LINE in old.co_names and not is_function(old):
        return _match_class(old, new)
    if old.co_code != new.co_code or old.co_stacksize != new.co_stacksize:
        return None
    return _pair(old.co_consts, new.co_consts)


def instructions(code: CodeType) -> list[Instruction]:
    """Return the instructions with their constants in place; names stay numbers, except for those that are stored."""
    found = []
    extended = 0
    raw = code.co_code
    for offset in range(0, len(raw), 2):
        operation, argument = raw[offset], raw[offset + 1] | extended
        if operation == _EXTENDED_ARG:
            extended = argument << 8
            continue
        extended = 0
        resolved: Any = argument
        if operation in {_LOAD_CONST, _RETURN_CONST}:
            resolved = code.co_consts[argument]
        elif operation == _STORE_NAME:
            resolved = code.co_names[argument]
        found.append(Instruction(operation, resolved, offset))
    return found


def stored_by(code: CodeType) -> Stored:
    """Return the values that a class's body stores."""
    return _without_stored(instructions(code))[1] if FIRST_LINE in code.co_names else Stored(None, None)


def same_lines(old: CodeType, new: CodeType) -> bool:
    """Whether each instruction has the same position in the file. The inner code objects are not looked at."""
    lines = "co_linetable" if hasattr(old, "co_linetable") else "co_lnotab"
    return old.co_firstlineno == new.co_firstlineno and bool(getattr(old, lines) == getattr(new, lines))


def line_at(code: CodeType, offset: int) -> int:
    """Return the line of an instruction; 0 if it has none."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line:
            return line
    return 0


def import_offsets(code: CodeType) -> set[int]:
    """Return the offsets of the instructions that import."""
    return {each.offset for each in instructions(code) if each.operation == _IMPORT_NAME}


def same_constant(old: Any, new: Any) -> bool:
    """Whether two constants of code are of one type and equal, to the bit. Code objects are not compared."""
    return bool(_key(old) == _key(new))


def _key(value: Any) -> Any:
    """Return a key that is equal for two constants only if they are the same."""
    kind = type(value)
    if kind in {int, bool, str, bytes} or value is None or value is ...:
        return (kind, value)
    if kind is float or kind is complex:
        return (kind, struct.pack("dd", value.real, value.imag))
    if kind is slice:  # since Python 3.14
        value = (value.start, value.stop, value.step)
    if kind is tuple or kind is slice:
        return (kind, *map(_key, value))
    if kind is frozenset:
        return (kind, frozenset(map(_key, value)))
    return (kind, id(value))  # nothing that a compiler makes today: two of them are not the same


def _pair(old: Any, new: Any) -> Pairs | None:
    """Return the pairs of code objects among two sequences of constants; None if anything else differs."""
    if len(old) != len(new):
        return None
    pairs = []
    for one, other in zip(old, new):  # noqa: B905  of one length
        if type(one) is CodeType and type(other) is CodeType:
            pairs.append((one, other))
        elif not same_constant(one, other):
            return None
    return pairs


def _match_class(old: CodeType, new: CodeType) -> Pairs | None:
    streams = [_without_stored(instructions(code))[0] for code in (old, new)]
    if [each.operation for each in streams[0]] != [each.operation for each in streams[1]]:
        return None
    return _pair(*[[each.argument for each in stream] for stream in streams])


def _without_stored(stream: list[Instruction]) -> tuple[list[Instruction], Stored]:
    """Separate the two values that the compiler stores from the rest of a class's body."""
    rest = list(stream)
    values: dict[str, Any] = {}
    for index, each in enumerate(stream):
        if each.operation != _STORE_NAME or each.argument not in {FIRST_LINE, ATTRIBUTES} or not index:
            continue
        load = stream[index - 1]
        known = values.get(each.argument, load.argument)  # a body that ends in branches stores at the end of each
        if not same_constant(known, load.argument) or load.operation not in {_LOAD_CONST, _LOAD_SMALL_INT}:
            return stream, Stored(None, None)  # the project assigns such a name itself
        values[each.argument] = load.argument
        rest[index - 1] = Instruction(_LOAD_CONST, None, load.offset)
    return rest, Stored(values.get(FIRST_LINE), values.get(ATTRIBUTES))
