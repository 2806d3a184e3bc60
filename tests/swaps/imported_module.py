"""A module that was imported under a monitor, as the snapshot imports a project's. The standard library alone."""

from __future__ import annotations

import gc
import itertools
import sys
import textwrap
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any

from appliance.worker.snapshot.body_swap import Swaps
from appliance.worker.snapshot.import_monitor import ImportMonitor

_NUMBERS = itertools.count()


def compiled(source: str, path: str = "/srv/shop.py") -> CodeType:
    """The code of a module, as a loader compiles it."""
    return compile(textwrap.dedent(source), path, "exec", dont_inherit=True)


class Imported:
    """A module with these names, the monitor of its import, the swaps that it allows."""

    def __init__(self, folder: Path, source: str, **names: object) -> None:
        gc.freeze()  # as the preloader does: what was there before is not looked at
        self.source = textwrap.dedent(source)
        self.path = str(folder / f"shop{next(_NUMBERS)}.py")
        Path(self.path).write_text(self.source, encoding="utf-8")
        self.code = compiled(self.source, self.path)
        self.module = types.ModuleType(Path(self.path).stem)
        self.module.__dict__.update(names, __file__=self.path)
        self.monitor = ImportMonitor(lambda path: path.startswith(f"{folder}/"))
        sys.modules[self.module.__name__] = self.module
        with self.monitored():
            exec(self.code, self.module.__dict__)
        self.swaps = Swaps({self.path: self.code}, self.monitor)

    @contextmanager
    def monitored(self) -> Iterator[None]:
        """The code in the block is the import."""
        self.monitor.begin()
        try:
            yield
        finally:
            self.monitor.end()

    def saved(self, *edits: tuple[str, str]) -> CodeType:
        """The code after a save that replaces each first text by the second, once."""
        text = self.source
        for before, after in edits:
            assert before in text
            text = text.replace(before, after, 1)
        return compiled(text, self.path)

    def objection(self, *edits: tuple[str, str]) -> str:
        """Why such a save can't be swapped."""
        return self.swaps.objection(self.path, self.saved(*edits))

    def swap(self, *edits: tuple[str, str]) -> Any:
        """Swap; return the module."""
        code = self.saved(*edits)
        assert self.swaps.objection(self.path, code) == ""
        self.swaps.apply(self.path, code)
        return self.module
