"""The source of the image: the build context that ``appliance init`` writes for a machine without the image.

``--source`` gives it. Otherwise the image remembers it: its build calls ``of_build``. Imports nothing but the standard
library and ``errors``, because the build calls it before the image is complete.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "source"  # in the prefix of the image's environment
_SCHEMES = frozenset({"http", "https", "ssh", "git"})  # which Docker fetches a context by
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/].*)")
_ARCHIVE = re.compile(r"\.(?:tar|tar\.\w+|tgz|tbz2?|txz)\Z", re.IGNORECASE)
# A dev container's command is read by sh on Linux and macOS, and by cmd on Windows: no character that one of them
# replaces between double quotes, and none that ends a line.
_UNSAFE = re.compile(r'["`$\x00-\x1f\x7f]')
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SECTION = re.compile(r"\s*\[")
_ORIGIN = re.compile(r'\s*\[\s*remote\s+"origin"\s*\]', re.IGNORECASE)
_URL = re.compile(r"\s*url\s*=\s*(.+?)\s*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class ImageSource:
    """The context of a build.

    Attributes:
        context: a URL, or a folder as the host names it; empty if it is not known.
        checked: the folder was looked at; a URL, and a folder that only the host sees, can't be.
    """

    context: str = ""
    checked: bool = False

    @property
    def is_url(self) -> bool:
        """Whether every machine finds the source."""
        return bool(_SCHEME.match(self.context))

    @property
    def is_absolute(self) -> bool:
        """Whether the source is the same from any folder."""
        return self.is_url or self.context.startswith("/") or bool(_WINDOWS.match(self.context))

    @property
    def is_newest(self) -> bool:
        """Whether the source is a repository without one of its releases: each build takes the newest commit."""
        return self.is_url and "#" not in self.context and not _ARCHIVE.search(self.context)

    @property
    def needs_ssh(self) -> bool:
        """Whether the build asks the SSH agent."""
        return self.context.startswith("ssh://")


def given_source(text: str, root: Path, cwd: Path, *, in_image: bool) -> ImageSource:
    """Return the source that ``--source`` names.

    Args:
        text: a URL, or a folder; relative to ``cwd``.
        root: the project's folder, where the files are written.
        cwd: the working folder.
        in_image: only the project's folder can be seen; the host's other folders can't.

    Raises:
        SettingsError: it can't be a build's context.
    """
    if not text.strip() or _UNSAFE.search(text) or text.startswith(("~", "-")):
        raise _error(f"--source {text!r} can't be written into a compose file", "Write the folder's path in full.")
    text = text.strip()
    text = f"https://{text}" if text.startswith("github.com/") else text  # as `docker build` reads it
    if _SCHEME.match(text) or _SCP.fullmatch(text):
        if context := as_url(text):
            return ImageSource(context)
        raise _error(f"Docker builds nothing from --source {text!r}", "Give a URL that `git clone` takes.")
    folder = cwd / text
    if in_image and (_WINDOWS.match(text) or not _is_below(folder, root)):
        return ImageSource(text)
    if not (folder / "Dockerfile").is_file() or not (folder / "appliance").is_dir():
        what = "has no Dockerfile of the appliance" if folder.is_dir() else "is not a folder"
        raise _error(f"--source {text}: {folder} {what}", "Give the folder into which you cloned the appliance.")
    return ImageSource(text if cwd == root else str(folder.resolve()), checked=True)


def recorded_source(*, prefix: Path | None = None, checkout: Path | None = None) -> ImageSource:
    """Return the source that the image's build recorded; outside the image, the checkout that runs."""
    recorded = (prefix or Path(sys.prefix)) / FILE
    if recorded.is_file():
        return ImageSource(recorded.read_text("utf-8").strip())
    folder = checkout or Path(__file__).parents[2]
    if not (folder / "Dockerfile").is_file():
        return ImageSource()
    return ImageSource(of_build("", str(folder), folder / ".git" / "config"), checked=True)


def of_build(source: str, folder: str, git_config: Path) -> str:
    """Return the source of an image: the one that the build names, else the clone's origin, else its folder."""
    if source:
        return as_url(source) or source
    try:
        origin = _origin(git_config.read_text("utf-8", "replace"))
    except OSError:  # an archive of the sources, a worktree, a context that was fetched
        origin = ""
    return origin or (folder if not _UNSAFE.search(folder) else "")


def as_url(text: str) -> str:
    """Return a repository's URL as a build takes it, without a password; empty if Docker can't fetch it."""
    if scp := _SCP.fullmatch(text):
        text = f"ssh://{scp['user']}@{scp['host']}/{scp['path']}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or not parts.hostname or _UNSAFE.search(text):
        return ""
    users, _, host = parts.netloc.rpartition("@")
    user = users.partition(":")[0] if parts.scheme == "ssh" else ""  # over HTTP the name alone may be a token
    path = parts.path.rstrip("/")
    if parts.scheme in {"http", "https"} and not path.endswith(".git") and not _ARCHIVE.search(path):
        path += ".git"  # else Docker takes the URL for a file
    return urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host, path=path))


def _origin(config: str) -> str:
    return next((url for text in _origin_urls(config) if (url := as_url(text))), "")


def _origin_urls(config: str) -> Iterator[str]:
    inside = False
    for line in config.splitlines():
        if _SECTION.match(line):
            inside = bool(_ORIGIN.match(line))
        elif inside and (found := _URL.match(line)):
            yield found[1].strip('"')


def _is_below(folder: Path, root: Path) -> bool:
    return folder.resolve().is_relative_to(root.resolve())


def _error(found: str, action: str) -> SettingsError:
    return SettingsError(
        found,
        expected="the URL of the appliance's repository, or the folder of a clone",
        action=f"{action} For example: appliance init --source ../wsgi-appliance",
    )
