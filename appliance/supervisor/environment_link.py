"""A path that does not change to an environment that does: for editors, which are told of an interpreter once.

Owns the link, beside the status socket. Runs in the supervisor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "environment"


def link(folder: Path, environment: Path) -> bool:
    """Let ``folder/environment`` be ``environment``; whether it is. An editor's convenience is no reason to fail."""
    path = folder / NAME
    aside = folder / f".{NAME}.new"
    try:
        if path.is_symlink() and path.readlink() == environment:
            return True
        aside.unlink(missing_ok=True)
        aside.symlink_to(environment)
        aside.replace(path)
    except OSError:
        return False
    return True
