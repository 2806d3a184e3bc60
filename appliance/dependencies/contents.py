"""What an environment is to hold, as the installer is told.

Data alone. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.dependencies.source_tree import SourceTree


@dataclass(frozen=True)
class Contents:
    """One of three: ``sync`` for a uv.lock, else ``lines`` or ``arguments``, or both.

    Attributes:
        sync: the arguments of ``uv sync``.
        lines: the text of a requirements file.
        arguments: more arguments of ``uv pip install``.
        exact: whether that is all: what a package says that it needs is not looked at.
        trees: the projects to be linked.
        notes: what the installer's reader should know: what was read otherwise than it stands there.
        asked: the lines that an index is asked for, all files' in one text, where none of the others has them so.
        lock: the file that lists the wheels of each package, where there is one.
    """

    sync: tuple[str, ...] = ()
    lines: str = ""
    arguments: tuple[str, ...] = ()
    exact: bool = False
    trees: tuple[SourceTree, ...] = ()
    notes: tuple[str, ...] = ()
    asked: str = ""
    lock: Path | None = None

    @property
    def question(self) -> str:
        """The lines that an index is asked for."""
        return self.asked or self.lines
