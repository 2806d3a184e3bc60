"""The installer as a program: uv, its environment, its progress and its failures in words.

Owns everything that is particular to uv. Must not know what a project is. Runs in ``appliance install``, a child of the
supervisor's that may block, and may be killed at any time with all that it started.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from appliance.boot.identity import user_cache, user_home
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What pip is told by variables, uv is told too.
_FROM_PIP = (
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    ("PIP_CONSTRAINT", "UV_CONSTRAINT"),
    ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST"),
    ("PIP_CERT", "SSL_CERT_FILE"),
)
# Each would send uv, or the Python that it starts, elsewhere.
_LEFT_OUT = frozenset(
    {
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_WORKING_DIR",
        "UV_PROJECT",
        "UV_LOCKED",
        "UV_FROZEN",
    }
)
_CAUSE = re.compile(r"\s*(error:|\u00d7|x )\s*")  # how uv begins the line that says why
_DRAWING = re.compile("[\u2500-\u257f\u25b6]+")  # box drawing, and the arrow head
_LAST_WORDS = 40
_LONGEST_CAUSE = 500
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX")

# uv's words, what they mean, what to do: the first that fits. Its "hint:" lines are shown with the rest.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        (
            r"Network connectivity is disabled|network was disabled|dns error|error sending request|Could not connect|"
            r"[Ff]ailed to (?:fetch|lookup)|operation timed out|tcp connect error|Connection refused"
        ),
        "the package index can't be reached",
        "Check the network, or the proxy (HTTPS_PROXY) and the index (PIP_INDEX_URL, UV_DEFAULT_INDEX) that are set.",
    ),
    (
        r"No space left on device",
        "the disk of the cache is full",
        "Make room: `docker system prune`, or remove the cache volume.",
    ),
    (
        r"(?:[Ff]ailed to|The build backend returned|Call to .* failed|build_wheel|command '?(?:gcc|cc|cargo))",
        "a package has no wheel for this Python, and can't be built here",
        "Take a version of it that has a wheel, another APPLIANCE_PYTHON, or an image with a compiler (FROM this one).",
    ),
    (
        r"was not found in the package registry|not found in the cache",
        "a package is not in the index",
        "Check its spelling, and the index that is set (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL).",
    ),
    (
        r"No solution found",
        "no versions of the packages fit together",
        "Widen a version in the dependency files; the lines above say which exclude each other.",
    ),
    (
        r"[Cc]ouldn't parse|[Ff]ailed to parse|[Ee]xpected .* found",
        "a line of the dependency files can't be read",
        "Correct the line that is named.",
    ),
)


@dataclass(frozen=True)
class Installer:
    """uv, ready to be called.

    Attributes:
        program: where it is.
        environment: what it is given.
        offline: why it was told to try no network; empty where it was not.
        folder: where it runs: the project's.
        report: takes each line of its progress.
        lock: a descriptor that it inherits: while an orphan of it lives, the lock is held.
    """

    program: str
    environment: Mapping[str, str]
    offline: str
    folder: Path
    report: Callable[[str], None]
    lock: int

    def run(self, *arguments: str) -> None:
        """Run it to its end.

        Raises:
            InstallError: it failed; its last words are in it.
        """
        words: deque[str] = deque(maxlen=_LAST_WORDS)
        with subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            [self.program, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self.lock,),
        ) as process:
            for raw in process.stdout or ():
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    words.append(line)
                    self.report(line)
        if process.returncode:
            raise _failure(words, process.returncode, self)


def installer(
    values: Mapping[str, str], cache: Path, folder: Path, report: Callable[[str], None], lock: int
) -> Installer:
    """The installer for the project in this folder."""
    environment = _environment(values, cache)
    offline = ""
    if environment.get("UV_OFFLINE"):
        offline = "UV_OFFLINE is set" if values.get("UV_OFFLINE") else "there is no network here"
    return Installer(_program(), environment, offline, folder, report, lock)


def _program() -> str:
    beside = Path(sys.prefix, "bin", "uv")
    return str(beside) if beside.is_file() else uv.find_uv_bin()


def _environment(values: Mapping[str, str], cache: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in values.items() if name not in _LEFT_OUT and not name.startswith("APPLIANCE_")
    }
    for theirs, ours in _FROM_PIP:
        if kept.get(theirs) and not kept.get(ours):
            kept[ours] = kept[theirs]
    own = user_cache(cache)
    # On the volume of the environments: uv links a package's files, and copies nothing.
    kept.setdefault("UV_CACHE_DIR", str(own / "uv"))
    kept.setdefault("UV_PYTHON_INSTALL_DIR", str(own / "python"))
    kept["HOME"] = user_home(cache, kept.get("HOME", ""))
    kept["NO_COLOR"] = "1"
    kept["UV_NO_PROGRESS"] = "1"  # bars are for terminals; what it downloads and installs it says all the same
    own_index = any(mark in kept.get(name, "") for name in _INDEXES for mark in ("//127.", "//localhost"))
    if not own_index and not _network_is_there():
        # uv tries for 8 s before it says so; with this it installs from its cache, or says at once what it lacks.
        kept["UV_OFFLINE"] = "1"
    return kept


def _network_is_there(routes: Sequence[Path] = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))) -> bool:
    """Whether any interface but the loopback has a route; true where the kernel does not say."""
    for file in routes:
        try:
            lines = file.read_text("ascii", "replace").splitlines()
        except OSError:
            return True
        # /proc/net/route begins with the interface and has a heading; ipv6_route ends with it.
        names = (
            {line.split()[0] for line in lines[1:]} if file.name == "route" else {line.split()[-1] for line in lines}
        )
        if names - {"lo"}:
            return True
    return False


def _failure(words: deque[str], code: int, program: Installer) -> InstallError:
    text = "\n".join(words)
    if code < 0:
        meaning, action = f"it was ended by signal {-code}", "Save a dependency file to try again."
    elif program.offline:
        meaning = f"{program.offline}, and not everything is in the cache"
        action = "Connect the container to a network once; what was installed then needs none afterwards."
    else:
        meaning, action = next(
            ((meaning, action) for pattern, meaning, action in _MEANINGS if re.search(pattern, text)),
            ("it ended with an error", "Read its words, and correct the dependency files."),
        )
    cause = _cause(list(words))
    return InstallError(
        f"the installer failed: {meaning}" + (f" ({cause})" if cause else ""),
        expected="dependencies that can be installed",
        action=action,
        output=list(words),
        offline=bool(program.offline),
    )


def _cause(words: list[str]) -> str:
    """What uv says after "error:" or a cross, without its drawing, as one line."""
    start = next((index for index, line in enumerate(words) if _CAUSE.match(line)), len(words) - 1)
    lines: list[str] = []
    for line in words[max(start, 0) :]:
        if lines and re.match(r"\s*(hint:|help:|\[std(out|err)\])", line):
            break
        lines.append(_DRAWING.sub("", _CAUSE.sub("", line)).strip())
    said = re.sub(r":? cause: ", ": ", " ".join(line for line in lines if line))
    return said if len(said) <= _LONGEST_CAUSE else said[:_LONGEST_CAUSE] + "..."
