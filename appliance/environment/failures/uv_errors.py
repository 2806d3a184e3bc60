"""Explain why uv failed: what its output means, which line of the project's files caused it, and what to do."""

from __future__ import annotations

import re
import signal
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from appliance.dependencies.text_file import text_or_nothing
from appliance.environment.failures.build_symptoms import cause_of_build
from appliance.environment.failures.install_remedies import FailedPackage, add_debian, take_instead, take_newer
from appliance.environment.failures.uv_messages import UvMessage, uv_message
from appliance.environment.python.interpreter import APPLIANCE_FOLDER
from appliance.errors import InstallError
from appliance.package_names import normalized
from appliance.protocol.record import Record, replace
from appliance.protocol.remedy_kinds import INSTALL_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

_CAUSE = re.compile(r"\A\s*(?:error:|\u00d7|x )\s*")  # how uv begins the line that gives the reason
_BEGINS = re.compile(r"(?:error:|  \u00d7)")  # the same; a build's output is indented further
_FIRST = 8  # lines: what failed, and its cause
_LAST = 40
_DRAWING = re.compile("[\u2500-\u257f\u25b6]+")  # box drawing, and the arrow head
_LONGEST_CAUSE = 500
# Words of the files' syntax, which are not names of packages.
_KEYS = frozenset(
    {"dependencies", "name", "version", "requires", "python", "requires-python", "requirements", "packages", "project"}
)
_ADDRESS = re.compile(r"`[\w.-]{1,200}(?:\[[^\]`]{0,200}\])? @ https?://(?:[^/@\s`]{1,200}@)?([^/\s`]{1,200})")
# uv's hint about an index that answers 401 or 403; it prints none if it looks for the best version of all indexes.
_REFUSED = re.compile(r"hint: (An index (?:URL )?\(\S+\) .{1,200}\b40[13]\b.{0,200})")
# A line that names an index, and one of TOML's tables of indexes; a setup file's ``url`` is that of a page.
_INDEX = re.compile(r"\s*(?:-[if]|--(?:extra-)?index-url|--find-links)(?:\s+|=)\S")
_INDEX_OF_TOML = re.compile(r"\s*(?:url|(?:extra-)?index-url|find-links)\s*=\s*[\[\"']")
_BUILT = re.compile(r"[Ff]ailed to (?:download and )?build `([\w.-]+)(?:\[[^\]]*\])?(?:==([^`]+?))?(?: @ [^`]*)?`")
# Words of uv's sentences that are also names of packages.
_SENTENCES = frozenset({
    "a", "all", "an", "and", "are", "available", "backend", "be", "because", "build", "builds", "cannot", "cause",
    "caused", "conclude", "could", "depend", "depends", "directory", "dns", "does", "download", "env", "error", "exit",
    "failed", "file", "files", "for", "found", "from", "git", "has", "have", "hash", "in", "index", "installed", "is",
    "it", "line", "metadata", "network", "no", "not", "of", "on", "one", "only", "or", "package", "packages", "path",
    "pip", "platform", "registry", "request", "required", "requirement", "requires", "resolve", "resolving", "returned",
    "satisfy", "setuptools", "solution", "source", "status", "such", "tag", "tags", "that", "the", "there", "this",
    "to", "url", "usable", "used", "uv", "version", "versions", "was", "we", "wheel", "wheels", "when", "which", "with",
    "you", "your",
})  # fmt: skip


class UvErrors:
    """Keep uv's last lines and the first lines of its error: a long output of a build may stand between them."""

    def __init__(self) -> None:
        self._why: list[str] = []
        self._last: deque[str] = deque(maxlen=_LAST)
        self._since = 0

    def add(self, line: str) -> None:
        """Add a line of uv's output."""
        begins = _BEGINS.match(line)
        if begins:
            self._why, self._since = [], 0
        if begins or self._why:
            self._since += 1
            self._why += [line] if len(self._why) < _FIRST else []
        self._last.append(line)

    def all(self) -> list[str]:
        """Return the lines of the error and the last lines, in order, each once."""
        gone = max(0, self._since - len(self._last))
        return [*self._why[:gone], *self._last]


class Place(Record):
    """A line of a dependency file."""

    file: Path
    line: int
    text: str
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The file as the user knows it: relative to the project's folder."""
        within = self.folder is not None and self.folder in self.file.parents
        return str(self.file.relative_to(self.folder)) if within and self.folder else self.file.name


def failure(
    lines: Sequence[str],
    code: int,
    offline: str,
    files: Iterable[Path] = (),
    image: str = "",
    folder: Path | None = None,
    *,
    indexes: Sequence[str] = (),
) -> InstallError:
    """Return the error for the output and exit code of uv.

    Args:
        lines: uv's output, line by line.
        code: its exit code; negative for a signal.
        offline: why uv was told not to use a network; empty if it was not.
        files: the dependency files, one of which may contain the cause.
        image: the image that the appliance runs in; empty outside of an image.
        folder: the project's folder; file names are shown relative to it.
        indexes: the settings that name an index, if the user set any.
    """
    text, files = "\n".join(lines), list(files)
    message = _ended(-code) if code < 0 else uv_message(text, offline=bool(offline))
    cause = refused_index(lines) or cause_of(lines)
    place = place_of(cause, files, folder)
    address = _ADDRESS.search(cause) if message.unreachable else None
    remedy = _unanswered(address[1]) if address else _REMEDIES[message.remedy]
    explanation = remedy(_Failure(message, text, cause, place, files, image))
    meaning = explanation.meaning.replace("{offline}", offline)
    where = f" [{place.name}, line {place.line}: {place.text}]" if place else ""
    return InstallError(
        f"the installer failed: {meaning}" + (f" ({cause})" if cause else "") + where,
        expected="dependencies that can be installed",
        action=explanation.action.replace("{index}", _and_the_index([*indexes, *_index_places(files, folder)])),
        needs=[INSTALL_AGAIN] if message.passes else [],
        output=list(lines),
        offline=bool(offline),
        **({"unreachable": True} if message.unreachable else {}),
        **({"file": str(place.file), "line": place.line} if place else {}),
        **explanation.details,
    )


def _and_the_index(names: Sequence[str]) -> str:
    """Continue an advice with the settings and lines that name an index; empty if there are none."""
    return f", and the index ({', '.join(names)})" if names else ""


def _index_places(files: Iterable[Path], folder: Path | None) -> list[str]:
    """Return the lines of the dependency files that name an index."""
    return [f"{place.name}, line {place.line}" for place in index_lines(files, folder)]


def index_lines(files: Iterable[Path], folder: Path | None = None) -> list[Place]:
    """Return the lines of requirements files, of ``pyproject.toml`` and of a ``Pipfile`` that name an index."""
    patterns = {".toml": _INDEX_OF_TOML, ".txt": _INDEX, ".in": _INDEX, ".pip": _INDEX, "": _INDEX}
    found: list[Place] = []
    for file in files:
        pattern = _INDEX_OF_TOML if file.name == "Pipfile" else patterns.get(file.suffix)
        if pattern:
            lines = enumerate(text_or_nothing(file).splitlines(), 1)
            found += [Place(file, number, line.strip(), folder) for number, line in lines if pattern.match(line)]
    return found


def refused_index(lines: Sequence[str]) -> str:
    """Return uv's sentence about an index that refuses to answer; empty if there is none."""
    return next((found[1] for line in lines if (found := _REFUSED.match(line))), "")


def _ended(number: int) -> UvMessage:
    if number == signal.SIGKILL:
        meaning = "it was killed (signal 9), as the kernel does if the memory is exhausted"
        action = "Give it more memory (in a container: mem_limit of the compose file), then save a dependency file."
        return UvMessage("", meaning, action, passes=True)
    return UvMessage("", f"it was ended by signal {number}", "Save a dependency file to try again.", passes=True)


class _Failure(Record):
    """The facts of a failure: the table's row, uv's output, the cause in one line, the line of the project's files."""

    message: UvMessage
    text: str
    cause: str
    place: Place | None
    files: Sequence[Path]
    image: str


class _Explanation(NamedTuple):
    """The text for the user: the meaning and what to do; and details for a caller that may try another way."""

    meaning: str
    action: str
    details: Mapping[str, object] = MappingProxyType({})


def _action_alone(failure: _Failure) -> _Explanation:
    return _Explanation(failure.message.meaning, failure.message.action)


def _git(failure: _Failure) -> _Explanation:
    missing = "executable not found" in failure.text
    added = add_debian(("git",), failure.image) if missing else ""
    return _Explanation(failure.message.meaning, added or failure.message.action)


def _unanswered(host: str) -> Callable[[_Failure], _Explanation]:
    """Return the explanation for a requirement that names an address of its own, which no index has a part in."""
    meaning = f"{host} can't be reached, from where a requirement is to be downloaded"
    action = "Check the network, the proxy (HTTPS_PROXY), and the address of that requirement."
    return lambda _failure: _Explanation(meaning, action)


def _newer(failure: _Failure) -> _Explanation:
    package = _failed_package(failure.cause, failure.place)
    details = {"kind": "build", "package": package.name}
    return _Explanation(failure.message.meaning, take_newer(package, failure.files), details)


def _build(failure: _Failure) -> _Explanation:
    """Explain a failed build: the cause in the build's output decides."""
    package, files = _failed_package(failure.text, failure.place), failure.files
    cause = cause_of_build(failure.text, package.name)
    meaning = f"{failure.message.meaning}, and {cause.meaning if cause else 'its build failed'}"
    steps = [take_instead(package, files)]
    if package.name.endswith("-binary"):
        # Such a package always has wheels; a newer release has one for this Python.
        steps.append(take_newer(package, files))
    if cause is None or cause.old:
        steps.append("" if steps[0] else take_newer(package, files))
    elif cause.headers:
        steps.append(_with_headers(failure.image))
    elif cause.debian and (added := add_debian(cause.debian, failure.image)):
        steps.append(added)
    else:
        steps.append(take_newer(package, files))
    details: dict[str, object] = {"kind": "build"}
    details["package"] = f"{package.name}=={package.version}" if package.version else package.name
    if cause and cause.until:
        details["until"] = cause.until
    return _Explanation(meaning, " Or: ".join(dict.fromkeys(filter(None, steps))), details)


_REMEDIES: Mapping[str, Callable[[_Failure], _Explanation]] = MappingProxyType(
    {"action": _action_alone, "git": _git, "newer": _newer, "build": _build}
)


def _failed_package(text: str, place: Place | None) -> FailedPackage:
    built = _BUILT.search(text) or re.search(r"([A-Za-z0-9][\w.-]*)(?:==([\w.!+]+))? (?:has|only has) ", text)
    name, version = (built[1], built[2] or "") if built else ("it", "")
    return FailedPackage(name, version, place.name if place else "", place.text if place else "")


def _with_headers(image: str) -> str:
    if image:
        return (
            f"Build the image again, its Pythons have their headers: docker build -t wsgi-appliance {APPLIANCE_FOLDER}"
        )
    return "Install this Python's headers (Debian, Ubuntu): apt-get install -y python3-dev"


def cause_of(lines: Sequence[str]) -> str:
    """Return uv's words after "error:" or a cross as one line, without its box drawing."""
    start = next((index for index, line in enumerate(lines) if _CAUSE.match(line)), len(lines) - 1)
    cause: list[str] = []
    for line in lines[max(start, 0) :]:
        if cause and re.match(r"\s*(hint:|help:|\[std(out|err)\])", line):
            break
        cause.append(_DRAWING.sub("", _CAUSE.sub("", line)).strip())
    text = re.sub(r":? cause: ", ": ", " ".join(line for line in cause if line))
    return text if len(text) <= _LONGEST_CAUSE else text[:_LONGEST_CAUSE] + "..."


def place_of(cause: str, files: Sequence[Path], folder: Path | None = None) -> Place | None:
    """Return the line that caused the failure: at a position, with an index's host, or with a package's name."""
    place = _place_of(cause, files)
    return replace(place, folder=folder) if place else None


def _place_of(cause: str, files: Sequence[Path]) -> Place | None:
    texts = [(file, text_or_nothing(file)) for file in files]
    position = re.search(r"in `([^`]+)` at position (\d+)", cause)
    if position:
        for file, text in texts:
            if str(file).endswith(position[1].rpartition("/")[2]):
                number = text.encode()[: int(position[2])].decode(errors="replace").count("\n") + 1
                return Place(file, number, _line(text, number))
    # Many lines may contain a repository's host; the name of the package is more precise.
    host = None if _BUILT.search(cause) else re.search(r"https?://(?:[^/\s@]*@)?([^/\s)]+)", cause)
    if host:
        for file, text in texts:
            for number, line in enumerate(text.splitlines(), 1):
                if (
                    host[1] in line
                    and re.search(r"index|url|find-links|^\s*-[if]\b", line)
                    and not file.name.endswith(".lock")
                ):
                    return Place(file, number, line.strip())
    named = _named(texts)
    return next((named[normalized(word)] for word in _packages(cause) if normalized(word) in named), None)


def _packages(cause: str) -> list[str]:
    """Return the package names in uv's sentences, the most certain first; a common word may be a package's name too."""
    built = _BUILT.search(cause)
    if built:
        return [built[1]]
    marked = re.findall(r"`([A-Za-z0-9][\w.-]*)", cause)
    versioned = re.findall(r"([A-Za-z0-9][\w.-]*?)(?:\[[^\]]*\])?(?:[=<>!~]=|[<>])", cause)
    words = [word for word in re.findall(r"[A-Za-z0-9][\w.-]*", cause) if word.lower() not in _SENTENCES]
    return [*marked, *versioned, *words]


def _named(texts: Sequence[tuple[Path, str]]) -> dict[str, Place]:
    """Return each package that a line begins with, as requirements files, TOML, JSON, YAML and setup files write it."""
    found: dict[str, Place] = {}
    entry = re.compile(
        r"""\s*(?:-\s+|(?:install_)?requires\s*=\s*|(?:dependencies|requires)\s*=\s*\[\s*|name\s*=\s*)?"""
        r"""["']?([A-Za-z0-9][\w.-]*)["']?\s*(?:\[|[=<>!~;,@:"'\]]|==|\Z)"""
    )
    for file, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            match = entry.match(line.split(" #")[0].rstrip())
            if match and match[1] not in _KEYS:
                found.setdefault(normalized(match[1]), Place(file, number, line.strip()[:200]))
    return found


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
