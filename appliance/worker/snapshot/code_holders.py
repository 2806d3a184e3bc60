"""Find the objects that hold code of the project's functions: functions, and holders that prevent a swap.

Runs in the snapshot, once, after the project's import and before ``gc.freeze``, which hides objects.

Theory of operation. Only functions may hold code that a swap replaces: their ``__code__`` can be set, and every
reference to the function stays right. A generator, a coroutine, a frame of a stored exception or a container that holds
code would go on with the old one. The collector knows every function, class and container. It does not track code
itself, and containers that hold only code: these are found through the objects that refer to them.

Decision 63 says why.
"""

from __future__ import annotations

import gc
import sys
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from .code_bodies import FIRST_LINE, tree
from .static_attributes import type_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK = 2000  # objects that are asked for their references at once: one by one, it takes twice as long
_NAME = id(FIRST_LINE)  # which is interned
FRAME = FrameType.__name__  # the kind of a frame that runs the code


class Found(NamedTuple):
    """The result of a search.

    Attributes:
        functions: the functions whose code comes from the files.
        held: code objects that other objects hold, with these objects' type.
        classes: the classes whose body stored the number of its first line (Python 3.13), with the file's name.
        copies: the numbers of first lines that containers hold that are not a class's, with the module's name, if they
            have it.
    """

    functions: list[FunctionType]
    held: list[tuple[CodeType, str]]
    classes: list[type]
    copies: set[tuple[Any, Any]]


def find(files: dict[str, CodeType], ignored: list[object]) -> Found:
    """Look at every object.

    Args:
        files: the code of modules by the file's path.
        ignored: containers of ours that hold code.
    """
    objects = gc.get_objects()
    names = set(files)
    left_out = {id(each) for each in (*ignored, ignored)}
    left_out |= {id(each.co_consts) for code in files.values() for each in tree(code)}
    functions: list[FunctionType] = []
    kinds: list[type] = []
    others: list[Any] = []
    for each in objects:
        if type(each) is FunctionType:
            functions.append(each)
        elif id(each) not in left_out:
            others.append(each)
            if issubclass(type(each), type):
                kinds.append(each)
    classes = [each for each in kinds if FIRST_LINE in type_namespace(each)]
    untracked: list[Any] = []
    held = [*_held(others, names, left_out, untracked), *_held(functions, names, left_out, untracked)]
    copies = _copies((*others, *untracked), classes)
    return Found([each for each in functions if each.__code__.co_filename in names], held, classes, copies)


def running() -> list[CodeType]:
    """Return the code that is on the stack of any thread."""
    found = []
    for top in sys._current_frames().values():  # noqa: SLF001  there is no public name
        frame: FrameType | None = top
        while frame is not None:
            found.append(frame.f_code)
            frame = frame.f_back
    return found


def _held(objects: list[Any], names: set[str], left_out: set[int], untracked: list[Any]) -> list[tuple[CodeType, str]]:
    """Return the files' code that objects refer to, without functions' own; add containers that name a first line."""
    found = []
    for start in range(0, len(objects), _CHUNK):
        chunk = objects[start : start + _CHUNK]
        codes = _codes(gc.get_referents(*chunk), names, left_out, untracked)
        made = [each.__code__ for each in chunk if type(each) is FunctionType]
        if sorted(map(id, codes)) != sorted(id(code) for code in made if code.co_filename in names):
            for each in chunk:
                codes = _codes(gc.get_referents(each), names, left_out, untracked)
                own = each.__code__ if type(each) is FunctionType else None
                first = next((index for index, code in enumerate(codes) if code is own), len(codes))
                found += [(code, _kind(each, code)) for code in codes[:first] + codes[first + 1 :]]
    return found


def _kind(holder: object, code: CodeType) -> str:
    """Return the kind of object that holds the code. A frame may run it, or have it in a variable."""
    return "variable" if type(holder) is FrameType and holder.f_code is not code else type(holder).__name__


def _codes(referents: list[Any], names: set[str], left_out: set[int], untracked: list[Any]) -> list[CodeType]:
    """Return the files' code among these objects, and in the containers that the collector does not track."""
    kinds = set(map(type, referents))
    found: list[CodeType] = []
    if CodeType in kinds:
        found = [each for each in referents if type(each) is CodeType and each.co_filename in names]
    if tuple in kinds or dict in kinds:
        for each in referents:
            if (type(each) is tuple or type(each) is dict) and not gc.is_tracked(each) and id(each) not in left_out:
                if _names_first_line(each):
                    untracked.append(each)
                found += _codes(gc.get_referents(each), names, left_out, untracked)
    return found


def _names_first_line(container: tuple[Any, ...] | dict[Any, Any]) -> bool:
    """Whether a container has the name of the attribute. By identity: a comparison with an array has no one result."""
    if type(container) is dict:
        return FIRST_LINE in container or _NAME in map(id, container.values())
    return _NAME in map(id, container)


def _copies(objects: Iterable[Any], classes: list[type]) -> set[tuple[Any, int]]:
    """Return the modules and first lines in containers that look like a class's names, or parts of them."""
    own = {id(each) for kind in classes for each in gc.get_referents(kind) if type(each) is dict}
    found: set[tuple[Any, int]] = set()
    for each in objects if classes else ():
        if issubclass(type(each), dict) and id(each) not in own:
            if dict.__contains__(each, FIRST_LINE):
                found.add((dict.get(each, "__module__"), _line(dict.get(each, FIRST_LINE))))
            elif type(each) is dict and type(next(iter(each), None)) is int:  # by value
                found.update((None, _line(key)) for key, name in each.items() if name is FIRST_LINE)
        elif type(each) is tuple and len(each) == 2 and (each[0] is FIRST_LINE or each[1] is FIRST_LINE):
            found.add((None, _line(each[1] if each[0] is FIRST_LINE else each[0])))
    return found


def _line(value: Any) -> int:
    return value if type(value) is int else 0
