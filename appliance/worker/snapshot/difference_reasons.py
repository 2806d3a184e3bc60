"""Describe in plain words how two versions of a module's or a class's body differ, for ``status``.

Pure. The words follow from the first instruction that differs.
"""

from __future__ import annotations

from collections import Counter
from types import CodeType
from typing import Final

from .code_bodies import Instruction, inner, instructions, is_function, line_at, name_of, same_constant

_FLAGS: Final = {0x20: "a generator", 0x80: "a coroutine", 0x200: "an asynchronous generator", 0x100: "a coroutine"}


def title(code: CodeType) -> str:
    """Return the kind and the name of the object to which this code belongs."""
    if code.co_name == "<module>":
        return "the module"
    if code.co_name.startswith("<"):
        return f"a {name_of(code).rpartition('.')[2].strip('<>')} in {_around(code)}"
    return f"the {'function' if is_function(code) else 'class'} {name_of(code)}"


def flags(old: CodeType, new: CodeType) -> str:
    """Return in which way the kind of a function changed."""
    for flag, kind in _FLAGS.items():
        if (old.co_flags ^ new.co_flags) & flag:
            return f"{name_of(new)} is now {kind}" if new.co_flags & flag else f"{name_of(new)} is no longer {kind}"
    return f"the compiler's flags of {name_of(new)} changed"


def annotated_name(around: CodeType, annotations: CodeType) -> str:
    """Return the owner's name of these annotations, which a code object of their own evaluates since Python 3.14."""
    codes = inner(around)
    after = codes[codes.index(annotations) + 1 :]
    if after and is_function(after[0]) and after[0].co_firstlineno == annotations.co_firstlineno:
        return name_of(after[0])
    return "the module" if around.co_name == "<module>" else name_of(around)


def body(old: CodeType, new: CodeType) -> str:
    """Return the first difference between the bodies of a module or a class."""
    where = "the module's body" if old.co_name == "<module>" else f"the body of the class {name_of(old)}"
    before, after = (Counter(name_of(each) for each in inner(code)) for code in (old, new))
    for code in inner(new):
        if after[name_of(code)] > before[name_of(code)] and not code.co_name.startswith(("<", "__annotate__")):
            return f"{title(code)} is new"
    for code in inner(old):
        if before[name_of(code)] > after[name_of(code)] and not code.co_name.startswith(("<", "__annotate__")):
            return f"{title(code)} is gone"
    streams = instructions(old), instructions(new)
    for index, (one, other) in enumerate(zip(*streams)):  # noqa: B905  the end is looked at below
        if not _same(one, other):
            return _at(new, streams[1], index, where)
    return f"{where} changed at its end"


def _same(one: Instruction, other: Instruction) -> bool:
    if type(one.argument) is CodeType and type(other.argument) is CodeType:
        return one.operation == other.operation
    return one.operation == other.operation and same_constant(one.argument, other.argument)


def _at(code: CodeType, stream: list[Instruction], index: int, where: str) -> str:
    """Return the words for the instruction that differs."""
    line = line_at(code, stream[index].offset)
    following = stream[index + 1 : index + 2]
    if following and following[0].argument == "__doc__":
        return (
            "the docstring of the module changed"
            if code.co_name == "<module>"
            else f"the docstring of {name_of(code)} changed"
        )
    for each in stream[index:]:
        if type(each.argument) is not CodeType or each.argument.co_name.startswith("<"):
            continue
        if each.argument.co_firstlineno <= line <= _line_of_name(code, each):
            return f"a decorator, a default or an annotation of {name_of(each.argument)} changed"
        break
    return f"{where} changed in line {line}" if line else f"{where} changed"


def _line_of_name(code: CodeType, load: Instruction) -> int:
    """Return the last line of a definition's head: of its name, after the decorators, or of a default."""
    return max(line_at(code, load.offset), int(load.argument.co_firstlineno))


def _around(code: CodeType) -> str:
    around = name_of(code).rpartition(".")[0].removesuffix(".<locals>")
    return around or "the module's body"
