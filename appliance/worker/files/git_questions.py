"""Tell which programs only ask git for the revision of the project, and which file changes with the answer.

Runs in the snapshot, while it imports the project. Sentry's ``init`` asks for the revision, and so do settings that
show it. Such a question may be asked twice. Its answer is an input of the import: git writes a line into ``logs/HEAD``
at each commit, checkout and rebase, so the state of that file says whether the answer may be another one.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUESTIONS: Final = frozenset({"log", "rev-list", "rev-parse", "show"})
_SHELL: Final = ["/bin/sh", "-c"]
_PLAIN: Final = re.compile(r"[\w\s./=@%:+-]*")  # a shell does nothing else with it


def asks_git(command: Any) -> bool:
    """Whether the arguments of a program, its name first, only ask git for the revision."""
    words = _words(command)
    return len(words) > 1 and os.path.basename(words[0]) == "git" and words[1] in _QUESTIONS


def revision_log(folder: Any) -> str:
    """Return the file to which git adds a line if it answers something else in this folder; "" outside of a repository.

    Args:
        folder: in which the program runs; None: the working folder.
    """
    place = os.path.abspath(os.getcwd() if folder is None else os.fsdecode(folder))
    while not os.path.lexists(found := os.path.join(place, ".git")):
        if place == (place := os.path.dirname(place)):
            return ""
    if os.path.isfile(found):  # of another work tree, or of a submodule
        with open(found, encoding="utf-8", errors="replace") as file:
            found = os.path.join(place, file.readline().removeprefix("gitdir:").strip())
    return os.path.join(found, "logs", "HEAD")


def _words(command: Any) -> Sequence[str]:
    if not isinstance(command, (list, tuple)):
        return ()
    words = [os.fsdecode(each) for each in command if isinstance(each, (str, bytes, os.PathLike))]
    if words[:2] == _SHELL and len(words) == 3:
        return words[2].split() if _PLAIN.fullmatch(words[2]) else ()
    return words
