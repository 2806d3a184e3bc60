"""What an environment is to hold, as the installer is told.

Data alone. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.boot.sourcetree import SourceTree


@dataclass(frozen=True)
class Contents:
    """One of three: ``sync`` for a uv.lock, else ``lines`` or ``arguments``, or both.

    Attributes:
        sync: the arguments of ``uv sync``.
        lines: the text of a requirements file.
        arguments: more arguments of ``uv pip install``.
        exact: whether that is all: what a package says that it needs is not looked at.
        trees: the projects to be linked.
        note: what the installer's reader should know.
    """

    sync: tuple[str, ...] = ()
    lines: str = ""
    arguments: tuple[str, ...] = ()
    exact: bool = False
    trees: tuple[SourceTree, ...] = ()
    note: str = ""
