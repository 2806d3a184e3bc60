"""Replace the code of changed functions, if a fresh import would leave the same state.

Runs in the snapshot, which makes an index of the project's functions, and in workers that were forked from it.

Theory of operation. A fork of the snapshot has imported the project and served nothing. If a saved file differs from
what was imported only in bodies of functions that never ran (``code_difference``, ``import_monitor``), a fresh import
would make the same objects, with other code in these functions. So the code of every function of the file is set:
changed functions need it, and the others get new line numbers. An index that is made once finds functions by the
identity of their code. Code that anything else than a function holds, or that was looked at, is pinned: it must stay as
it is.

Whatever is not understood is an objection, and the worker is started in another way. No function is replaced, so weak
references to functions stay valid.
"""

from __future__ import annotations

import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from ..files.loaded_modules import namespaces
from . import code_holders
from .code_bodies import ATTRIBUTES, FIRST_LINE, import_offsets, is_function, line_at, name_of, same_lines, tree
from .code_difference import compare
from .static_attributes import type_name, type_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType

    from .code_bodies import Pairs
    from .code_difference import Difference, NewValues
    from .import_monitor import ImportMonitor

_LINE_OF_ERROR = "tb_lineno"
# The names through which code reads a line of a frame: others look for a module's name or a file.
_LINES_OF_FRAMES = frozenset({
    "StackSummary", "co_firstlineno", "co_lines", "co_linetable", "co_lnotab", "co_positions", "extract_stack",
    "f_lasti", "f_lineno", "findCaller", "findlinestarts", "format_stack", "getframeinfo", "getinnerframes",
    "getlineno", "getouterframes", "print_stack", "stack", "trace", "walk_stack",
})  # fmt: skip
_LAZY_IMPORT = "lazy_import"  # the type that holds a module's code since Python 3.15, for the line of its statement
_OTHER_CODE = "code that was not imported from the file as it is"


class _File(NamedTuple):
    """The import of a file: its code, its modules' names, functions with their code's ``id``, classes."""

    code: CodeType
    modules: list[dict[str, Any]]
    functions: list[tuple[weakref.ref[FunctionType], int]]
    classes: list[weakref.ref[type]]


class Swaps:
    """The swaps that a fork of this process can make.

    Args:
        codes: the code of each of the project's modules, as it was run, by the file's path.
        monitor: has seen the project's import.
    """

    def __init__(self, codes: dict[str, CodeType], monitor: ImportMonitor) -> None:
        self._monitor = monitor
        self._blocked: dict[str, str] = {}
        self._pinned: dict[int, str] = {}  # by the code's id
        self._running: set[int] = set()  # code that runs now: a script that serves in its own last line
        self._copies: set[tuple[Any, int]] = set()
        self._lines = {number: set(offsets) for number, offsets in monitor.lines.items()}
        self._lost: set[tuple[Any, str]] = set()  # lines and names of classes whose module can't be found
        self._reads: dict[str, str] = {}  # by the name of an attribute, code that ran and reads it
        self._planned: dict[str, tuple[CodeType, Difference]] = {}
        self._files = {path: _File(code, [], [], []) for path, code in codes.items()}
        if monitor.failed:
            self._blocked = dict.fromkeys(codes, monitor.failed)
        else:
            self._index()

    def blocked_files(self) -> dict[str, str]:
        """Return the files whose functions can't be replaced, with the reason."""
        return dict(self._blocked)

    def changed_data(self) -> str:
        """Return a file that the import has read, and that an import would read otherwise now; "" if there is none."""
        return self._monitor.changed_data()

    def files_that_ran(self) -> set[str] | None:
        """Return the real paths of the files whose code the import has run, by whatever loader; None if unknown."""
        if self._monitor.failed:
            return None
        return {os.path.realpath(code.co_filename) for code in self._monitor.started.values()}

    def objection(self, path: str, new_code: CodeType) -> str:
        """Return why a saved file can't be swapped, in plain words; "" if it can."""
        file = self._files.get(path)
        if file is None:
            return "the file is no module that was imported"
        if path in self._blocked:
            return self._blocked[path]
        if self._planned.get(path, (None,))[0] is new_code:
            return ""  # it was compared ahead
        difference = compare(file.code, new_code)
        reason = difference.refused or next(self._objections(file, difference), "")
        if not reason:
            self._planned[path] = new_code, difference
        return reason

    def apply(self, path: str, new_code: CodeType) -> None:
        """Swap a file's code. ``objection`` must have none.

        Raises:
            ValueError: there is an objection; nothing was changed.
        """
        if reason := self.objection(path, new_code):
            raise ValueError(reason)
        difference = self._planned.pop(path)[1]
        replacements = {id(old): new for old, new in (*difference.changed, *difference.moved)}
        file = self._files[path]
        for reference, code in file.functions:
            if code in replacements and (function := reference()) is not None:
                function.__code__ = replacements[code]
        for kind, stored in _classes(file, difference):
            type.__setattr__(kind, "__firstlineno__", stored.new_line)
            if "__static_attributes__" in type_namespace(kind):
                type.__setattr__(kind, "__static_attributes__", stored.attributes)
        if "linecache" in sys.modules:
            sys.modules["linecache"].cache.pop(path, None)

    def _objections(self, file: _File, difference: Difference) -> Iterator[str]:
        for old, _ in difference.changed:
            if self._monitor.ran(old):
                inside = difference.inside.get(id(old))
                yield inside or f"{name_of(old)} changed, and it ran while the project was imported"
        within = {id(code): name_of(old) for old, _ in difference.changed for code in tree(old) if code is not old}
        differing = {id(old) for old, _ in (*difference.changed, *difference.moved)}
        for _, number in file.functions:
            if number in within:
                yield f"{within[number]} changed, and a function inside of it exists already"
        for code in tree(file.code):
            if id(code) in self._pinned and (id(code) in differing or id(code) in within):
                yield f"{name_of(code)} changed or moved, and {self._pinned[id(code)]}"
        yield from self._moved_lines(file, [*difference.bodies, *difference.moved])
        yield from self._moved_classes(file, difference.classes)

    def _moved_classes(self, file: _File, classes: list[NewValues]) -> Iterator[str]:
        """Iterate over the objections to other values of classes."""
        names = {None, *(each.get("__name__") for each in file.modules)}
        if any((name, each.line) in self._copies for each in classes for name in names):
            yield "a class moved, and a copy of its names is kept"
        if any((each.line, each.name) in self._lost for each in classes):
            yield "a class moved, and its module is unknown"
        for name in (FIRST_LINE, ATTRIBUTES) if classes else ():
            if reader := self._reads.get(name):
                yield f"a class moved, and {reader} ran, which reads {name}"

    def _moved_lines(self, file: _File, pairs: Pairs) -> Iterator[str]:
        """Iterate over the objections to lines that moved."""
        moved = [old for old, new in pairs if not same_lines(old, new)]
        if any(id(old) in self._running for old in moved):
            yield "lines moved in code that runs while the project is served"
        if not any(self._monitor.ran(old) for old in moved):
            return
        if self._monitor.frames and not _LINES_OF_FRAMES.isdisjoint(self._reads):
            yield f"lines moved, and {self._monitor.frames} looked at the stack while the project was imported"
        if reader := self._reads.get(_LINE_OF_ERROR):
            yield f"lines moved, and {reader} ran, which reads the line of an exception"
        for old, new in pairs:
            if any(line_at(old, each) != line_at(new, each) for each in self._lines.get(id(old), ())):
                yield f"lines moved, and a package or a lazy import has one of {name_of(old)}"
        if any(_warned(each) for each in file.modules):
            yield "lines moved, and Python remembers by its line a warning that the import gave"

    def _index(self) -> None:
        """Look at every object, and sort by file what was found."""
        found = code_holders.find(
            {path: file.code for path, file in self._files.items()}, [self._monitor.started, self._monitor.pinned]
        )
        self._copies = found.copies
        trees = {id(code): path for path, file in self._files.items() for code in tree(file.code)}
        bodies = {id(file.code) for file in self._files.values()}
        for function in found.functions:
            code = function.__code__
            if id(code) in trees:
                self._files[trees[id(code)]].functions.append((weakref.ref(function), id(code)))
            else:
                self._block(code.co_filename, f"{name_of(code)} has {_OTHER_CODE}")
        running = code_holders.running()
        self._running.update(map(id, running))
        for codes, verb in ((self._monitor.started.values(), "ran"), (running, "runs")):
            for code in codes:
                if id(code) not in trees:
                    self._block(code.co_filename, f"{name_of(code)} {verb} with {_OTHER_CODE}")
        held = [(code, f"a {kind} holds its code", kind) for code, kind in found.held]
        for code, reason, kind in [*((*each, "") for each in self._monitor.pinned.values()), *held]:
            if id(code) in trees and is_function(code):
                self._pinned.setdefault(id(code), reason)
            elif id(code) in bodies and kind == _LAZY_IMPORT:
                self._lines.setdefault(id(code), set()).update(import_offsets(code))
            elif id(code) not in bodies or kind == code_holders.FRAME:  # containers of ours hold a module's own code
                self._block(code.co_filename, f"{name_of(code)}: {reason}")
        self._index_modules(found.classes)
        self._index_names()
        self._index_reads(bodies)

    def _index_modules(self, classes: list[type]) -> None:
        """Sort the modules and classes by their file. A class may name another module, or one that is in no list."""
        paths: dict[Any, str] = {}
        others = set()
        for name, names in namespaces():
            try:
                path = os.path.abspath(names["__file__"])
            except (KeyError, TypeError):
                continue
            if path not in self._files:
                others.add(name)
                continue
            paths[name] = path
            if all(each is not names for each in self._files[path].modules):
                self._files[path].modules.append(names)
        written = self._class_bodies() if classes else {}
        for kind in classes:
            names = type_namespace(kind)
            place = names[FIRST_LINE], type_name(kind)
            path = paths.get(names.get("__module__"), "")
            if path not in (found := written.get(place, [path])) and names.get("__module__") not in others:
                path = found[0] if len(found) == 1 else ""
                self._lost.update([] if path else [place])
            if path:
                self._files[path].classes.append(weakref.ref(kind))

    def _class_bodies(self) -> dict[tuple[int, str], list[str]]:
        """Return the files of the bodies of classes, by first line and name."""
        found: dict[tuple[int, str], list[str]] = {}
        for path, file in self._files.items():
            for code in tree(file.code):
                if not is_function(code):
                    found.setdefault((code.co_firstlineno, name_of(code)), []).append(path)
        return found

    def _index_names(self) -> None:
        """Block files whose source was read, under whatever name, and those that were imported under two names."""
        real: dict[str, list[str]] = {}
        for path in self._files:
            real.setdefault(os.path.realpath(path), []).append(path)
        for source, reason in self._monitor.sources.items():
            for path in real.get(os.path.realpath(source), ()):
                self._block(path, reason)
        for paths in real.values():
            for path in paths if len(paths) > 1 else ():
                self._block(path, f"the file was imported from {len(paths)} paths")
        for path, file in self._files.items():
            if len(file.modules) > 1:
                self._block(path, f"the file was imported as {len(file.modules)} modules")

    def _index_reads(self, bodies: set[int]) -> None:
        """Note the code that ran and reads a line without an audit event."""
        of_frames = {_LINE_OF_ERROR, *_LINES_OF_FRAMES}
        for code in self._monitor.started.values():
            is_class = not is_function(code) and id(code) not in bodies  # its body has the other two names anyway
            texts = (each.rpartition(".")[2] for each in code.co_consts if type(each) is str)
            for name in {*code.co_names, *texts} & (of_frames if is_class else of_frames | {FIRST_LINE, ATTRIBUTES}):
                self._reads.setdefault(name, name_of(code))

    def _block(self, path: str, reason: str) -> None:
        if path in self._files:
            self._blocked.setdefault(path, reason)


def _warned(names: dict[str, Any]) -> bool:
    """Whether a warning was given in this module."""
    return any(isinstance(each, tuple) for each in names.get("__warningregistry__") or ())


def _classes(file: _File, difference: Difference) -> Iterator[tuple[type, NewValues]]:
    """Iterate over the classes that get other values, each with these. By name, where two begin in one line."""
    for reference in file.classes if difference.classes else ():
        if (kind := reference()) is None:
            continue
        line = type_namespace(kind).get("__firstlineno__")
        stored = [each for each in difference.classes if each.line == line]
        named = [each for each in stored if each.name == type_name(kind)]
        for each in named[:1] or stored[:1]:
            yield kind, each
