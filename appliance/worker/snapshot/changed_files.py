"""Swap the files that have changed since the snapshot's import, in a fork of the snapshot.

Runs in the snapshot, which makes it once, and in its forks.

Theory of operation. A new file can change the result of an import that has never looked for this file: a new module
hides an installed one, or a search through a folder finds it. So each changed path must be that of a module that was
loaded, or of a file that no import reads (``files/unread_assets``). For any other path the project is imported again.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ...protocol.snapshot_messages import changed_since_read
from ..files.loaded_modules import namespaces
from .code_difference import compare

if TYPE_CHECKING:
    from types import CodeType

    from ..project_import import ProjectImport
    from .body_swap import Swaps

_SAMPLE = """
import sys
class Sample:
    '''A sample.'''
    number: int = 1
    def __init__(self, *values, name="sample", **more):
        super().__init__(*values)
        self.name = f"{name}: {values!r}"
    @property
    def doubled(self):
        for each in (each * 2 for each in self.values if each not in {1, 2}):
            try:
                yield lambda: each
            except (ValueError, TypeError) as error:
                raise KeyError(self.name) from error
            finally:
                print(self.name, sep="", end="")
    async def wait(self):
        async with self.other as other:
            await other.wait([x for x in range(3)], {"a": 1, **self.more})
"""


class DeclinedError(Exception):
    """This change has to be imported. ``path``: the file; empty if it is not the reason."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


class ChangedFiles:
    """The own files of one snapshot.

    Args:
        project: has imported them.
        codes: the code of each, by the path from which it was loaded.
        swaps: replaces the code of functions.
        unread: files that the import has not read.

    Attributes:
        modules: the names of the own modules.
    """

    def __init__(
        self, project: ProjectImport, codes: dict[str, CodeType], swaps: Swaps, unread: frozenset[str] = frozenset()
    ) -> None:
        self._project = project
        self._swaps = swaps
        self._names = _module_names(codes)
        self._paths = {project.files.absolute(path): path for path in codes}
        ran = swaps.files_that_ran()  # another loader may have read a module's bytecode alone
        modules = {path for path in unread if path.endswith(".py") and (ran is None or os.path.realpath(path) in ran)}
        self._unread = unread - modules
        self.modules = sorted(self._names.values())

    def blocked_modules(self) -> dict[str, str]:
        """Return the modules whose functions can't be swapped, by name, with the reason."""
        return {self._names.get(path, path): why for path, why in self._swaps.blocked_files().items()}

    def get_ready(self, changed: list[str]) -> None:
        """Compile these files, as they are now, and compare them: a save will probably change them.

        Without any, a sample is compiled and compared: the pages that a swap writes to are private then.
        """
        if not changed:
            _rehearse()
        for path in map(self._project.files.absolute, changed):
            if (loaded := self._paths.get(path)) is not None:
                with contextlib.suppress(Exception):  # it is half-written, or missing: the save says what it is
                    if (code := self._project.code.compile_ahead(loaded)) is not None:
                        self._swaps.objection(loaded, code)

    def swap(self, changed: list[str]) -> list[str]:
        """Swap the functions of these files; return those files.

        Raises:
            DeclinedError: one of them has to be imported; nothing was swapped.
        """
        if (mismatch := self._project.unfit()) is not None:
            raise DeclinedError(mismatch.why, "")
        paths = dict.fromkeys(map(self._project.files.absolute, changed))
        codes = [(path, self._code(path)) for path in paths if path not in self._unread or not os.path.isfile(path)]
        for path, code in codes:
            if reason := self._swaps.objection(self._paths[path], code):
                raise DeclinedError(reason, path)
        if data := self._swaps.changed_data():
            raise DeclinedError(changed_since_read(data), "")
        for path, code in codes:
            self._swaps.apply(self._paths[path], code)
        return [path for path, _ in codes]

    def _code(self, path: str) -> CodeType:
        """Return the code of a changed file as it is now."""
        loaded = self._paths.get(path)
        if loaded is None:
            if os.path.realpath(path) in (self._swaps.files_that_ran() or ()):
                raise DeclinedError("another loader has changed its code", path)
            raise DeclinedError("it is no module that the project has imported", path)
        try:
            return self._project.code_of(self._names.get(loaded, "__main__"), loaded)
        except Exception as error:  # a worker that imports it reports why
            raise DeclinedError(f"it can't be compiled ({type(error).__name__})", path) from error


def _rehearse() -> None:
    """Compile and compare a sample: it changes nothing but the pages of this process."""
    with contextlib.suppress(Exception):  # memory is short
        compare(*(compile(_SAMPLE, "<sample>", "exec", dont_inherit=True) for _ in range(2)))


def _module_names(codes: dict[str, CodeType]) -> dict[str, str]:
    """Return the name of the module that was loaded from each file."""
    names: dict[str, str] = {}
    for name, defined in namespaces():
        file = defined.get("__file__")
        if isinstance(file, str) and os.path.abspath(file) in codes:
            names.setdefault(os.path.abspath(file), name)
    return names
