"""Compare two versions of a module's code: find the function bodies that differ, or the reason against a swap.

Pure. The caller knows which functions ran (``import_monitor``).

Theory of operation. A module's import runs the bodies of its module and of its classes, and whatever these call. If
each body that ran is the same, a second import would do the same: it would leave the same objects, with other code in
some functions. So the bodies of modules and classes must match here (see ``code_bodies``), and a function's code must
look the same from outside: arguments, flags, free variables, docstring, annotations. Its defaults and decorators are
evaluated by the body around it, so they are compared there. If a function's own body differs, the function is
``changed``, and the code inside of it is not compared: a function that never ran has made no inner functions. So a
function is ``changed`` too if what it would make looks different: the argument of a lambda, a local class.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import difference_reasons
from .code_bodies import inner, is_function, match, name_of, same_constant, same_lines, stored_by

if TYPE_CHECKING:
    from types import CodeType

    from .code_bodies import Pairs

_HAS_DOCSTRING: Final = 0x4000000  # since Python 3.14; before, a first constant that is a string is the docstring
_ANNOTATIONS: Final = "__annotate__"  # since Python 3.14


class NewValues(NamedTuple):
    """A class whose body stores other values: see ``code_bodies``. ``line``: the old one, by which it is found."""

    name: str
    line: int | None
    new_line: int | None
    attributes: tuple[str, ...] | None


class Difference(NamedTuple):
    """The differences of two versions.

    Attributes:
        refused: why the new version can't take the place of the old one, in plain words; "" if it can.
        changed: functions whose own body differs, old and new.
        moved: other functions whose code differs: their lines, or functions inside of them.
        bodies: the same for the bodies of the module and of classes, which ran.
        classes: classes that get other values.
        inside: by the ``id`` of changed code whose own body is the same, what differs inside of it, in plain words.
    """

    refused: str
    changed: Pairs
    moved: Pairs
    bodies: Pairs
    classes: list[NewValues]
    inside: dict[int, str]


class _NotSwappableError(Exception):
    """The new version can't take the place of the old one; the message says why."""


def compare(old: CodeType, new: CodeType) -> Difference:
    """Compare the code of a module with its code after a save."""
    found = Difference("", [], [], [], [], {})
    try:
        _differs(old, new, found)
    except _NotSwappableError as error:
        return Difference(str(error), [], [], [], [], {})
    return found


def _differs(old: CodeType, new: CodeType, found: Difference) -> bool:
    """Compare two code objects that correspond; return whether anything at all differs."""
    if reason := _seen_from_outside(old, new):
        raise _NotSwappableError(reason)
    pairs = match(old, new)
    if pairs is None:
        if not is_function(old):
            raise _NotSwappableError(_why(old, new))
        found.changed.append((old, new))
        return True
    lists: tuple[list[Any], ...] = (found.changed, found.moved, found.bodies, found.classes)
    sizes = [len(each) for each in lists]
    try:
        differing = _inner_differs(new, pairs, found)
    except _NotSwappableError as error:
        if not is_function(old):
            raise
        for each, size in zip(lists, sizes):  # noqa: B905  of one length
            del each[size:]
        found.changed.append((old, new))
        found.inside[id(old)] = str(error)
        return True
    before, after = stored_by(old), stored_by(new)
    if before != after:
        found.classes.append(NewValues(name_of(old), before.line, after.line, after.attributes))
    if not differing and same_lines(old, new) and before == after:
        return False
    (found.moved if is_function(old) else found.bodies).append((old, new))
    return True


def _inner_differs(around: CodeType, pairs: Pairs, found: Difference) -> bool:
    """Compare the pairs inside of a code object; return whether anything differs. Each one is looked at."""
    for one, other in pairs:
        if one.co_name == _ANNOTATIONS and match(one, other) is None:
            raise _NotSwappableError(f"the annotations of {difference_reasons.annotated_name(around, other)} changed")
    differing = [_differs(*pair, found) for pair in pairs]
    return any(differing)


def _why(old: CodeType, new: CodeType) -> str:
    """Return why the bodies of two modules or classes differ."""
    before, after = inner(old), inner(new)
    if [name_of(each) for each in before] == [name_of(each) for each in after]:
        for pair in zip(before, after):  # noqa: B905  of one length
            if reason := _seen_from_outside(*pair):
                return reason
    return difference_reasons.body(old, new)


def _seen_from_outside(old: CodeType, new: CodeType) -> str:
    """Return why a function's code looks different to those that only hold the function."""
    name = name_of(old)
    if (name, old.co_name, old.co_filename) != (name_of(new), new.co_name, new.co_filename):
        return f"{difference_reasons.title(new)} is new"
    if _arguments(old) != _arguments(new):
        return f"the arguments of {name} changed"
    if old.co_flags & ~_HAS_DOCSTRING != new.co_flags & ~_HAS_DOCSTRING:
        return difference_reasons.flags(old, new)
    if old.co_freevars != new.co_freevars:
        return f"{name} uses other variables of the scope around it"
    if is_function(old) and not same_constant(_docstring(old), _docstring(new)):
        return f"the docstring of {name} changed"
    return ""


def _arguments(code: CodeType) -> tuple[Any, ...]:
    positional, keyword = code.co_argcount, code.co_kwonlyargcount
    count = positional + keyword + bool(code.co_flags & 4) + bool(code.co_flags & 8)  # *args, **kwargs
    return (positional, code.co_posonlyargcount, keyword, code.co_varnames[:count])


def _docstring(code: CodeType) -> str | None:
    if code.co_name.startswith("<"):
        return None  # a generator expression: its first constant may be any text
    first = code.co_consts[0] if code.co_consts else None
    flagged = code.co_flags & _HAS_DOCSTRING or sys.version_info < (3, 14)
    return first if isinstance(first, str) and flagged else None
