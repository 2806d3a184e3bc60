"""Hold the required content of an environment, in the form that the installer takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.dependencies.source_tree import SourceTree


class Contents(Record):
    """The contents of an installation: ``sync`` for a uv.lock; otherwise ``lines``, ``arguments``, or both.

    Attributes:
        sync: the arguments of ``uv sync``.
        lines: the text of a requirements file.
        arguments: further arguments of ``uv pip install``.
        exact: whether this list is complete: the dependencies that a package's metadata declares are not added.
        trees: the projects to link.
        notes: warnings for the user: each says where the installation differs from what the files say.
        every_line: the requirement lines of all files in one text, if ``lines`` does not have them.
        lock: the file that lists the wheels of each package, if there is one.
    """

    sync: tuple[str, ...] = ()
    lines: str = ""
    arguments: tuple[str, ...] = ()
    exact: bool = False
    trees: tuple[SourceTree, ...] = ()
    notes: tuple[str, ...] = ()
    every_line: str = ""
    lock: Path | None = None

    @property
    def index_query(self) -> str:
        """The requirement lines to ask an index about."""
        return self.every_line or self.lines
