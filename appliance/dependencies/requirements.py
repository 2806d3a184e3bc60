"""Read requirement lines, follow their includes, and find the lines that refer to local folders.

pip would build the folder of a line ``-e .`` or ``./libs/one``, and setuptools writes ``*.egg-info`` and ``build`` into
it, which is the user's mount. So if such a folder can be read without a build, its dependencies replace the line, and
the folder is linked into the environment. All lines then form one text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.conventions import DISTRIBUTION_FILES
from appliance.dependencies.dependency_selection import DependencySelection
from appliance.dependencies.formats.conda import CondaLines
from appliance.dependencies.requirement_text import plain_line, requirement_of
from appliance.dependencies.source_tree import read_source_tree
from appliance.dependencies.text_file import read_text, unmerged_error
from appliance.errors import InstallError
from appliance.identity.folder import has_file
from appliance.package_names import normalized
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.dependencies.source_tree import SourceTree

_INCLUDE = re.compile(r"\s*(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc])(?=\S))(.+)")
_LINKS = re.compile(r"\s*(?:-f|--find-links)(?:\s*=\s*|\s+)(?!\w+://)(.+)")
_EDITABLE = re.compile(r"\s*(?:-e|--editable)(?:\s+|=)\s*")
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+")
_EGG = re.compile(r"[#&]egg=([\w.-]+)")
_NAMED = re.compile(r"\s*[A-Za-z0-9][\w.-]*\s*(?:(\[[^\]]*\])\s*)?@\s*(?=file:)")
_FOLDER = re.compile(r"(?P<path>[^\[;#\s]+)(?:\[(?P<extras>[^\]]*)\])?")
_ALONE = DependencySelection(development=False)  # the user of a library does not need its development dependencies


class Requirements(Record):
    """The result of reading requirement lines.

    Attributes:
        roots: the files that the caller named.
        files: all files that were read, with the includes.
        trees: the local folders among the lines that are linked instead of built.
        flat: all lines in one text with absolute paths; the dependencies of those folders replace the folders' lines.
        as_written: whether no line was replaced: the installer can read the files themselves.
        notes: what was left out or replaced, in sentences.
    """

    roots: tuple[Path, ...]
    files: tuple[Path, ...]
    trees: tuple[SourceTree, ...]
    flat: str
    as_written: bool = True
    notes: tuple[str, ...] = ()


def read_requirements(root: Path, files: tuple[Path, ...], more: Iterable[str] = ()) -> Requirements:
    """Read these files and their includes, then further lines, which are relative to the root.

    Raises:
        InstallError: an included file does not exist or is not a file; the error names the line of the include. Or a
            file has the marks of a merge.
    """
    reading = _Reading(root)
    for file in files:
        reading.follow(file, "")
    for line in more:
        reading.line(root, "", line)
    reading.leave_out_linked()
    flat = "\n".join(reading.lines) + "\n"
    notes = reading.conda.notes(reading.files[0].name if reading.files else "")
    return Requirements(files, tuple(reading.files), tuple(reading.trees), flat, reading.as_written, notes)


def options_in(lines: str) -> list[str]:
    """Return the options of requirements files that the installer takes as arguments alone."""
    hosts = (re.fullmatch(r"--trusted-host(?:\s+|=)(\S+)", plain_line(line)) for line in lines.splitlines())
    arguments = [word for host in hosts if host for word in ("--allow-insecure-host", host[1])]
    return [*arguments, *(["--prerelease=allow"] if re.search(r"(?m)^[ \t]*--pre(?=\s|\Z)", lines) else ())]


def _holds(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:  # the name is longer than any file system allows
        return False


def _plain(path: Path) -> Path:
    """Return the path without ``..``: else a file has another name each time that a circle of includes reaches it."""
    if ".." not in path.parts:
        return path
    short = Path(os.path.normpath(path))
    if not _holds(path.exists) or _holds(lambda: short.samefile(path)):
        return short
    return path.resolve()  # a link to a folder leads elsewhere


class _Reading:
    def __init__(self, root: Path) -> None:
        self.as_written = True
        self.files: list[Path] = []
        self.lines: list[str] = []
        self.trees: list[SourceTree] = []
        self.conda = CondaLines()
        self._root = root
        self._extras: set[tuple[Path, str]] = set()

    def follow(self, file: Path, included_by: str) -> None:
        """Read a requirements file, unless it was read already."""
        if file in self.files:
            return
        self._note(file, self._name(file), included_by)
        # A backslash at the end joins a line with the next.
        joined, text = "", read_text(file)
        if unmerged := unmerged_error(file, text):
            raise unmerged
        self.as_written = self.as_written and "\ufffd" not in text  # the installer takes UTF-8 alone
        for number, raw in enumerate(text.splitlines(), 1):
            joined += raw
            if joined.endswith("\\") and not joined.lstrip().startswith("#"):
                joined = joined[:-1]
                continue
            self.line(file.parent, f"line {number} of {self._name(file)}", joined)
            joined = ""
        if joined:
            self.as_written = False  # the installer reads the backslash as a part of the line
            self.line(file.parent, f"the last line of {self._name(file)}", joined)

    def line(self, folder: Path, where: str, line: str) -> None:
        """Read one line, which is relative to this folder."""
        meaning = re.sub(r"(^|\s)#.*", "", line).strip()
        include = _INCLUDE.match(meaning)
        if include:
            self._include(folder, where, line, include[1], include[2].strip("\"'"))
            return
        if links := _LINKS.match(meaning):
            self._links(folder, line, links[1].strip("\"'"))
            return
        translated = self.conda.translated(meaning)
        if translated is not None:
            self.as_written = False
            self.lines += [translated] if translated else []
            return
        editable = _EDITABLE.match(meaning)
        if editable and _REPOSITORY.match(meaning, editable.end()):
            # pip checks it out and installs it from there; the installer takes a repository, but no editable one.
            self.as_written = False
            if not (self._is_own(meaning) and self._take(self._root, [])):
                self.lines.append(meaning[editable.end() :])
            return
        named = _NAMED.match(meaning)
        place = meaning[(editable or named).end() :] if (editable or named) else meaning  # type: ignore[union-attr]
        # PDM writes this variable, for a path without its first slash.
        place = place.replace("${PROJECT_ROOT}", str(self._root).lstrip("/"))
        bare = place.removeprefix("file://").removeprefix("file:")
        found = _FOLDER.match(bare)
        local = found and (editable or named or place.startswith((".", "/", "file:")) or "/" in found["path"])
        path = self._folder(folder, found["path"]) if found and local else None
        archive = self._archive(folder, found["path"]) if found and local and path is None else None
        if found and archive:
            self.as_written = False
            begin = meaning[: named.end()] if named else ""
            self.lines.append(f"{begin}{archive.as_uri()}{bare[len(found['path']) :]}")
            return
        if found is None or path is None:
            self.lines.append(line)
            return
        self.as_written = False
        extras = [each.strip() for each in ((named and named[1]) or found["extras"] or "").strip("[]").split(",")]
        if not self._take(path, [extra for extra in extras if extra]):
            self.lines.append(f"{'-e ' if editable else ''}{path}{bare[len(found['path']) :]}")  # with its marker

    def _is_own(self, repository: str) -> bool:
        """Whether this is the project's own repository, which ``pip freeze`` names after ``pip install -e .``."""
        egg = _EGG.search(repository)
        tree = read_source_tree(self._root, _ALONE) if egg else None
        return egg is not None and tree is not None and normalized(tree.name) == normalized(egg[1])

    def _include(self, folder: Path, where: str, line: str, option: str, name: str) -> None:
        if re.match(r"[a-z+]+://", name):
            self.lines.append(line)
            return
        other = _plain(folder / name)
        if option in {"-c", "--constraint"}:
            if other not in self.files:
                self._note(other, name, where)
            self.lines.append(f"-c {other}")
        else:
            self.follow(other, where)

    def _links(self, folder: Path, line: str, name: str) -> None:
        """Take a folder or page of links: pip looks beside the file, then in the project's folder."""
        candidates = [_plain(Path(start, name)) for start in (folder, self._root)]
        path = next((candidate for candidate in candidates if _holds(candidate.exists)), None)
        self.as_written = self.as_written and path in {None, candidates[0]}
        self.lines.append(line if path is None else f"--find-links {path}")

    def _folder(self, folder: Path, path: str) -> Path | None:
        """Find a local folder, relative to the file or, as pip resolves it, to the project's folder.

        ``-e .`` in ``requirements/dev.txt`` means the project: the folder that describes a distribution counts first.
        """
        candidates = [_plain(Path(start, path)) for start in dict.fromkeys((folder, self._root))]
        there = [candidate for candidate in candidates if _holds(candidate.is_dir)]
        described = (each for each in there if any(has_file(each / name) for name in DISTRIBUTION_FILES))
        return next(iter((*described, *(each for each in there if each == self._root), *there)), None)

    def _archive(self, folder: Path, path: str) -> Path | None:
        """Find an archive where pip looks for it, which may not be where the installer runs, or beside the file."""
        candidates = (_plain(Path(start, path)) for start in (self._root, folder))
        return next((candidate for candidate in candidates if _holds(candidate.is_file)), None)

    def _take(self, folder: Path, extras: list[str]) -> bool:
        """Replace the line of a folder with the folder's dependencies; return False if the folder must be built."""
        known = next((tree for tree in self.trees if tree.folder == folder), None)
        tree = known or read_source_tree(folder, _ALONE)
        if folder != self._root and (tree is None or tree.compiled or tree.requires is None):
            return False
        if tree is None:
            return True  # the project is served from its own folder, even if no file describes it
        if known is None:
            self.trees.append(tree)
            self.files += [file for file in tree.files if file not in self.files]
            self._all(folder, tree.requires or ())
        for extra in extras:
            if (folder, normalized(extra)) not in self._extras:
                self._extras.add((folder, normalized(extra)))
                lines = {normalized(name): lines for name, lines in tree.extras.items()}
                self._all(folder, lines.get(normalized(extra), ()))
        return True

    def _all(self, folder: Path, lines: Iterable[str]) -> None:
        for line in lines:
            # An extra may refer to other extras of the same distribution: "shop[dev]".
            own = re.match(r"([\w.-]+)\s*\[([^\]]+)\]\s*\Z", line)
            tree = next(tree for tree in self.trees if tree.folder == folder)
            if own and tree.name and normalized(own[1]) == normalized(tree.name):
                self._take(folder, [extra.strip() for extra in own[2].split(",")])
            else:
                self.line(folder, f"the dependencies of {self._name(folder)}", line)

    def leave_out_linked(self) -> None:
        """Leave out the requirements that a linked folder meets: no index has to have that package, or a namesake."""
        kept: list[str] = []
        for line in self.lines:  # an extra of such a requirement adds lines at the end
            begin = re.match(r"[A-Za-z0-9][\w.-]*", line)
            tree = begin and next((tree for tree in self.trees if normalized(tree.name) == normalized(begin[0])), None)
            requirement = requirement_of(plain_line(line)) if tree else None
            if tree and requirement and not requirement.url:
                self._take(tree.folder, sorted(requirement.extras))
            else:
                kept.append(line)
        self.lines = kept

    def _note(self, file: Path, name: str, included_by: str) -> None:
        """Check that a file exists, and add it to the files that are read."""
        if not _holds(file.is_file):
            reason = "it is not a file" if _holds(file.exists) else "No such file or directory"
            raise InstallError(
                f"{name} can't be read ({reason})" + (f"; {included_by} includes it" if included_by else ""),
                expected="a requirements file",
                action=f"Add {name}, or correct {included_by or 'APPLIANCE_DEPENDENCIES'}.",
                file=name,
            )
        self.files.append(file)

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root)) if self._root in file.parents else str(file)
