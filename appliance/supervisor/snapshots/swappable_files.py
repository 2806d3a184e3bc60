"""Remember which files have changed since a snapshot read them, and say why a swap can't serve a change.

Runs in the supervisor's loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.protocol.messages import FilesReport
from appliance.watch.file_contents import FileState
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass
class SnapshotFiles:
    """The files of one snapshot, by absolute path.

    Attributes:
        changed: those that have changed since its import began, in the order of their first change.
        read: those that its import has read or looked for, as far as it has reported them, with their states then.
        blocked: its modules whose functions can't be swapped, and why.
    """

    changed: dict[str, None] = field(default_factory=dict)
    read: Mapping[str, Sequence[int]] = field(default_factory=dict)
    blocked: Mapping[str, str] = field(default_factory=dict)
    _report: FilesReport | None = None  # until it was passed on

    def reported(self, report: FilesReport) -> None:
        """Note the files that the import has read, and their states."""
        self.read, self._report = report.files, report

    def whole_report(self, report: FilesReport) -> FilesReport:
        """Return the report of a fork, the first time with all files that the import has read."""
        base, self._report = self._report, None
        if base is None:
            return report
        return FilesReport(files={**base.files, **report.files}, listed=base.listed)

    def changes(self, paths: Iterable[str]) -> None:
        """Note that these files have changed."""
        self.changed.update(dict.fromkeys(paths))

    def unreported(self, later: SnapshotFiles) -> str:
        """Return a file that has changed, although the watcher has not reported it yet; "" if there is none.

        ``later``: the files of a later import of the same project. It has read what has changed since this one.
        """
        for path, state in later.read.items():
            known = state if path in self.changed else self.read.get(path, state)
            if FileState.of(known).differs(path):
                return path
        return ""


class SwappableFiles:
    """Decides which changes can be swapped at all; the worker decides about their contents.

    Args:
        root: the project's folder.
        always: make checkpoints even if they save little of an import.
    """

    def __init__(self, root: str, *, always: bool = True) -> None:
        self._root = root
        self._always = always
        self._off: dict[str, None] = {}  # files and modules that are not swapped any more

    @property
    def off(self) -> list[str]:
        """The files and modules whose swaps have given another state than an import, until the appliance restarts."""
        return list(self._off)

    def turn_off(self, names: Iterable[str]) -> None:
        """Stop swapping these files and modules."""
        self._off.update(dict.fromkeys(names))

    def weighed_cpu_s(self, cpu_s: float) -> float:
        """Return the CPU time of an import, with which the gain of a checkpoint is compared; 0 if it is not."""
        return 0.0 if self._always else max(0.0, cpu_s)

    def whole(self, path: str) -> str:
        """Return the absolute path of a path that the watcher has reported."""
        return path if path.startswith("/") else f"{self._root}/{path}"

    def as_watched(self, paths: Iterable[str]) -> list[str]:
        """Return absolute paths as the watcher reports them: paths of the project's files begin below its folder."""
        return [path.removeprefix(f"{self._root}/") for path in paths]

    def objection(self, kinds: Mapping[str, Kind], blocked: Mapping[str, str]) -> str:
        """Return why no swap can serve these changes; empty if one may.

        Args:
            kinds: as the watcher has reported them.
            blocked: as ``SnapshotFiles.blocked``.
        """
        return next(filter(None, (self._objection(path, kind, blocked) for path, kind in kinds.items())), "")

    def objections(self, snapshot: SnapshotFiles) -> dict[str, str]:
        """Return the objection to each module that a snapshot has read, by path; empty if there is none."""
        paths = sorted(self.as_watched(path for path in snapshot.read if path.endswith(".py")))
        found = {path: self._objection(path, Kind.CODE, snapshot.blocked) for path in paths}
        return {path: why for path, why in found.items() if Path(self.whole(path)).is_file()}

    def _objection(self, path: str, kind: Kind, blocked: Mapping[str, str]) -> str:
        if kind is not Kind.ASSET and (kind is not Kind.CODE or not path.endswith(".py")):
            return f"{path} has changed, which is not a module of the project"
        if not Path(self.whole(path)).is_file():
            return f"{path} was removed"
        if kind is Kind.ASSET:
            return ""  # the worker knows whether its import has read it
        if any(path == name or self.whole(path) == name or is_file_of(path, name) for name in self._off):
            return f"swaps of {path} are off: one of them differed from an import"
        return next((f"{module}: {why}" for module, why in blocked.items() if is_file_of(path, module)), "")


def is_file_of(path: str, module: str) -> bool:
    """Whether a file may be that of a module, by the two names."""
    name = module.replace(".", "/")
    return f"/{path}".endswith((f"/{name}.py", f"/{name}/__init__.py"))
