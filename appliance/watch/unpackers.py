"""Find programs that unpack files into the project: tar and its like, which synchronising tools start in the container.

Skaffold, DevSpace, ``kubectl cp`` and ``docker compose watch`` run ``tar -x`` by exec, and send its input over the
network. While tar runs, more files may come, however long the pauses are. Every user may read the name and the
arguments of a process (proc(5)); its working folder is readable for its owner alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

PROCESSES_MOST: Final = 128  # more processes than a container has: a whole machine, where a tar may be anyone's
IDLE_S: Final = 5.0  # a tar that has written nothing for this time waits for a slow sender, or for one that has gone

_TARS: Final = frozenset({"tar", "bsdtar"})
_NAMES: Final = _TARS | {"rsync", "unzip"}
_VALUE_LETTERS: Final = "bfgCFHIKLNTVX"  # what follows one of them in a word is its value
_ARGUMENTS_MOST: Final = 4096


class Unpackers:
    """The unpacking programs that may write into a folder.

    Args:
        root: the folder, an absolute path.
        proc: where the processes are listed.
    """

    def __init__(self, root: str, proc: str = "/proc") -> None:
        self._root = os.path.realpath(root)
        self._proc = proc
        self._given_up: set[str] = set()

    def running(self) -> set[str]:
        """Return the processes that may still write into the folder, without those that were given up."""
        try:
            numbers = [name for name in os.listdir(self._proc) if name.isdigit()]
        except OSError:
            return set()
        self._given_up.intersection_update(numbers)
        if len(numbers) > PROCESSES_MOST:
            return set()
        return {number for number in numbers if number not in self._given_up and self._unpacks(number)}

    def give_up(self, processes: set[str]) -> None:
        """Stop waiting for these processes: they have written nothing for a long time."""
        self._given_up |= processes

    def _unpacks(self, number: str) -> bool:
        try:
            descriptor = os.open(f"{self._proc}/{number}/comm", os.O_RDONLY)  # a file object would take twice as long
            try:
                name = os.read(descriptor, 64).decode("utf-8", "replace").strip()
            finally:
                os.close(descriptor)
            if name not in _NAMES:
                return False
            with open(f"{self._proc}/{number}/cmdline", "rb", buffering=0) as file:
                words = [os.fsdecode(word) for word in file.read(_ARGUMENTS_MOST).split(b"\0")[1:] if word]
        except OSError:  # it has ended
            return False
        if name == "rsync":
            return not {"--sender", "--daemon"}.intersection(words)
        return (name not in _TARS or _extracts(words)) and self._may_reach(number, words)

    def _may_reach(self, number: str, words: list[str]) -> bool:
        """Whether the program's folder lies above the project or in it, as far as can be known."""
        folder = ""
        with suppress(OSError):
            folder = os.readlink(f"{self._proc}/{number}/cwd")
        folder = os.path.join(folder, _folder_argument(words))
        if not folder.startswith("/"):
            return True
        top = folder.rstrip("/") + "/"
        return f"{self._root}/".startswith(top) or top.startswith(f"{self._root}/")


def _extracts(words: list[str]) -> bool:
    """Whether these are arguments of tar that extract: ``-x``, ``xmf``, ``--extract``."""
    for index, word in enumerate(words):
        if word in {"--extract", "--get"}:
            return True
        is_letters = (word.startswith("-") and not word.startswith("--")) or index == 0
        if is_letters and "x" in _letters(word.removeprefix("-"), old_style=not word.startswith("-")):
            return True
    return False


def _letters(word: str, *, old_style: bool) -> str:
    if old_style:  # in "xfC" the values are the next words
        return word
    end = next((at for at, letter in enumerate(word) if letter in _VALUE_LETTERS), len(word))
    return word[:end]


def _folder_argument(words: list[str]) -> str:
    """Return the folder of tar's -C, or unzip's -d; empty if there is none."""
    for index, word in enumerate(words):
        if word.startswith("--directory="):
            return word.partition("=")[2]
        if word in {"-C", "-d", "--directory"}:
            return words[index + 1] if index + 1 < len(words) else ""
        if word.startswith("-C"):
            return word[2:]
    return ""
