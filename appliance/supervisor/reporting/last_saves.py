"""Remember the text of the project's files before a save, and the changes of the last save, as a diff for error pages.

Theory of operation. A separate thread reads the files and compares them: a file may be on a slow mount, and a
comparison takes time. A file's text is read when a worker reports that it has loaded the file, and again at each save:
a module at the start, a template when a request first uses it. If the first save of a file comes before that, there is
no diff for it. The memory is bounded: only small text files are kept, and the most recently used first. Files with
secrets are named, but their text is never read.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from appliance.conventions import LINES_AROUND
from appliance.identity.folder import open_at_once
from appliance.supervisor.reporting.standin_pages import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Saved = dict[str, Any]

MAX_FILE: Final = 64 * 1024  # bytes; a larger file has no diff
MAX_ALL: Final = 8 * 1024 * 1024
MAX_FILES: Final = 4  # at most so many files of one save are shown
MAX_LINES: Final = 80  # lines of one diff that are shown
_MAX_LINE: Final = 300  # characters of a line that are shown
_MAX_COMPARED: Final = 40_000  # pairs of lines; more are shown as replaced
_SECRET_FILE = re.compile(
    r"(?:^|/)(?:\.env|\.netrc|\.pgpass|id_[a-z0-9]+$)|secret|credential|\.(?:pem|key|p12|pfx)$", re.IGNORECASE
)
_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


class LastSaves:
    """The texts of one project, and its last save.

    Args:
        root: the project's folder.
        secret_files: the names of the ``.env`` files.
        post: runs a function in the supervisor's loop.
        changed: called there with the last save: ``files``, a list of ``file``, ``what`` (changed, created, removed)
            and ``diff`` (lines); ``more`` files that are left out.
    """

    def __init__(
        self,
        root: str,
        secret_files: Iterable[str],
        post: Callable[[Callable[[], None]], None],
        changed: Callable[[Saved], None],
    ) -> None:
        self._root = f"{root.rstrip('/')}/"
        self._secret_files = frozenset(secret_files)
        self._post = post
        self._changed = changed
        self._texts: dict[str, list[str] | None] = {}  # by path; None: the file did not exist; the last used is last
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._started = False

    def loaded(self, files: Iterable[str]) -> None:
        """Remember the texts of these files, if they are not known."""
        own = [file for file in files if self._counts(file)]
        if own:
            self._do(lambda: self._read_unknown(own))

    def saved(self, files: Sequence[str]) -> None:
        """Compare these files with their former content."""
        whole = [file if file.startswith("/") else self._root + file for file in files]
        self._do(lambda: self._compare(whole))

    def _do(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)
        if not self._started:
            try:
                threading.Thread(target=self._run, name="last-saves", daemon=True).start()
            except (RuntimeError, MemoryError):  # no thread is free: the next call tries again
                return
            self._started = True

    def _run(self) -> None:
        while True:
            self._jobs.get()()

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _counts(self, file: str) -> bool:
        if not file.startswith(self._root) or "/site-packages/" in file:
            return False
        name = file[len(self._root) :]
        return name not in self._secret_files and not _SECRET_FILE.search(name)

    def _read_unknown(self, files: Iterable[str]) -> None:
        for file in files:
            if file not in self._texts:
                self._keep(file, _text_of(file))

    def _keep(self, file: str, text: str | None) -> None:
        self._size -= self._sizes.pop(file, 0)
        self._texts.pop(file, None)
        self._texts[file] = None if text is None else text.splitlines()
        self._sizes[file] = size = len(text or "") + len(file)
        self._size += size
        while self._size > MAX_ALL:
            oldest = next(iter(self._texts))
            del self._texts[oldest]
            self._size -= self._sizes.pop(oldest)

    def _compare(self, files: Sequence[str]) -> None:
        found = [self._save_of(file) for file in files]
        shown: Saved = {"files": found[:MAX_FILES]}
        if len(found) > MAX_FILES:
            shown["more"] = len(found) - MAX_FILES
        self._post(lambda: self._changed(shown))

    def _save_of(self, file: str) -> Saved:
        """Return the changes of a save in one file; without a diff if the former text is unknown or too late."""
        exists = os.path.lexists(file)
        if not self._counts(file):
            return {"file": file, "what": "changed" if exists else "removed", "diff": []}
        known = file in self._texts
        before = self._texts.get(file)
        text = _text_of(file) if exists else None
        self._keep(file, text)
        if not known:
            return {"file": file, "what": "changed" if exists else "removed", "diff": []}
        after = self._texts.get(file)
        what = "removed" if after is None else "created" if before is None else "changed"
        return {"file": file, "what": what, "diff": list(diff(before or [], after or []))}


def _text_of(file: str) -> str | None:
    """Return a small text file's text; None if it can't be read, or is another kind of file."""
    try:
        with open(file, "rb", opener=open_at_once) as stream:
            content = stream.read(MAX_FILE + 1)
        text = content.decode("utf-8")
    except (OSError, ValueError):
        return None
    return None if len(content) > MAX_FILE or "\0" in text else text


def diff(before: list[str], after: list[str]) -> Iterator[str]:
    """Yield the lines of a unified diff without its heading, as far as the limits allow."""
    lines = list(_hunks(before, after))
    for line in lines[:MAX_LINES]:
        yield shortened(line, _MAX_LINE)
    if len(lines) > MAX_LINES:
        yield f"... ({len(lines) - MAX_LINES} more lines)"


def _hunks(before: list[str], after: list[str]) -> Iterator[str]:
    """Compare only the lines between the equal start and the equal end: a comparison of all takes quadratic time."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    first = max(0, start - LINES_AROUND)
    behind = max(0, end - LINES_AROUND)
    old, new = before[first : len(before) - behind], after[first : len(after) - behind]
    if len(old) * len(new) > _MAX_COMPARED:
        yield f"@@ -{first + 1},{len(old)} +{first + 1},{len(new)} @@"
        yield from (f"-{line}" for line in old[: MAX_LINES // 2])
        yield from (f"+{line}" for line in new)
        return
    for line in list(difflib.unified_diff(old, new, n=LINES_AROUND, lineterm=""))[2:]:
        yield _HUNK.sub(lambda match: _moved(match, first), line, count=1) if line.startswith("@@") else line


def _moved(match: re.Match[str], by: int) -> str:
    return f"@@ -{int(match[1]) + by}{match[2] or ''} +{int(match[3]) + by}{match[4] or ''} @@"
