"""Run uv with arguments that others choose: its variables, its progress, and its failures as errors.

It runs in ``appliance install``, a child process of the supervisor. That process may block, and the supervisor may kill
it at any time with everything that it started.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from appliance.dependencies.text_file import text_or_nothing
from appliance.environment.network import answers, network_is_there
from appliance.environment.pip_conf import pip_configuration
from appliance.environment.start_failure import start_error
from appliance.errors import InstallError
from appliance.identity.identity import user_cache, user_home
from appliance.package_names import any_spelling
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# uv gets the settings that the user made for pip.
_FROM_PIP = (
    ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
    ("PIP_CONSTRAINT", "UV_CONSTRAINT"),
    ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST"),
    ("PIP_CERT", "SSL_CERT_FILE"),
    ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    ("PIP_CLIENT_CERT", "SSL_CLIENT_CERT"),
    ("PIP_NO_INDEX", "UV_NO_INDEX"),
    ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"),
    ("PIP_TIMEOUT", "UV_HTTP_TIMEOUT"),
    ("PIP_PROXY", "HTTPS_PROXY"),
    ("PIP_PROXY", "HTTP_PROXY"),
)
# Each of these makes uv, or the Python that it starts, use another folder, environment or lock.
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
_LINES_MAX = 40
_PYPI = "https://pypi.org"
_DEFAULT_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_INDEX_LINE = re.compile(r"(?m)^\s*(?:-i|--index-url|--extra-index-url)[\s=]+(\S+)")
_PIP_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX")


class Installer(Record):
    """uv, ready to run.

    Attributes:
        program: the path of uv.
        environment: the variables of its process.
        offline: why uv was told not to use a network; empty if it was not.
        folder: its working directory, the project's folder.
        report: receives each line of its progress.
        lock: a descriptor that uv inherits: the lock is held while an orphaned uv runs; negative for none.
        files: the dependency files, one of which may contain the cause of a failure.
        image: the image that the appliance runs in; empty outside of an image.
        indexes: the settings that name an index, if the user set any.
    """

    program: str
    environment: Mapping[str, str]
    offline: str
    folder: Path
    report: Callable[[str], None]
    lock: int
    files: tuple[Path, ...] = ()
    image: str = ""
    indexes: tuple[str, ...] = ()

    def run(self, *arguments: str) -> None:
        """Run uv to its end; if an index can't be reached, run it again with the cache alone.

        If nothing fits, uv is run again to ask one index after the other: only then it says which of them refuses.

        Raises:
            InstallError: uv failed; the error has the last lines of its output.
        """
        try:
            self._run(self.environment, *arguments)
        except InstallError as error:
            if self.offline:
                raise
            if error.details.get("unreachable"):
                self._run_with_the_cache(error, arguments)
            elif self._may_be_refused(error):
                self._ask_each_index(error, arguments)
            else:
                raise

    def _run_with_the_cache(self, error: InstallError, arguments: Sequence[str]) -> None:
        self.report("trying again with the cache alone")
        try:
            self._run({**self.environment, "UV_OFFLINE": "1"}, *arguments)
        except InstallError:
            raise error from None

    def _may_be_refused(self, error: InstallError) -> bool:
        from appliance.environment.failures.uv_errors import index_lines  # noqa: PLC0415  as below

        unsolved = any("No solution found" in line for line in error.details.get("output", ()))
        return unsolved and bool(self.indexes or index_lines(self.files))

    def _ask_each_index(self, error: InstallError, arguments: Sequence[str]) -> None:
        from appliance.environment.failures.uv_errors import refused_index  # noqa: PLC0415  as below

        self.report("asking one index after the other")
        try:
            self._run({**self.environment, "UV_INDEX_STRATEGY": "first-index"}, *arguments)
        except InstallError as later:
            raise (later if refused_index(later.details.get("output", ())) else error) from None

    def read(self, text: str, *arguments: str) -> str:
        """Run uv with this text as its input, and return its output.

        Raises:
            InstallError: uv failed; nothing was reported as progress.
        """
        pipe = subprocess.PIPE
        with self._started(self.environment, *arguments, given=pipe, errors=pipe) as process:
            answer, errors = process.communicate(text.encode())
        if process.returncode:
            lines = errors.decode("utf-8", "replace").splitlines()
            raise self._failure(lines[-_LINES_MAX:], process.returncode)
        return answer.decode("utf-8", "replace")

    def _run(self, environment: Mapping[str, str], *arguments: str) -> None:
        from appliance.environment.failures.uv_errors import UvErrors  # noqa: PLC0415  5 ms, and not at a start

        errors = UvErrors()
        with self._started(environment, *arguments) as process:
            for raw in process.stdout or ():
                line = raw.decode("utf-8", "replace").rstrip()
                if line:
                    errors.add(line)
                    self.report(line)
        if process.returncode:
            raise self._failure(errors.all(), process.returncode)

    def _failure(self, lines: list[str], code: int) -> InstallError:
        from appliance.environment.failures.uv_errors import failure  # noqa: PLC0415  5 ms, and only here

        return failure(lines, code, self.offline, self.files, self.image, self.folder, indexes=self.indexes)

    def _started(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        given: int = subprocess.DEVNULL,
        errors: int = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - our own program, our own arguments
                [self.program, *arguments],
                cwd=self.folder,
                env=dict(environment),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(self.lock,) if self.lock >= 0 else (),
            )
        except (OSError, ValueError) as error:
            start_failure = start_error("uv", error, program=self.program, folder=self.folder, environment=environment)
            raise InstallError(
                start_failure.found, expected=start_failure.expected, action=start_failure.action
            ) from error


def installer(
    values: Mapping[str, str],
    cache: Path,
    folder: Path,
    report: Callable[[str], None],
    lock: int,
    files: tuple[Path, ...] = (),
) -> Installer:
    """Return the installer for the project in this folder."""
    environment = installer_variables(values, cache, files)
    offline = ""
    if environment.get("UV_OFFLINE"):
        offline = "UV_OFFLINE is set" if values.get("UV_OFFLINE") else "there is no network here"
    image, program = values.get("APPLIANCE_IMAGE", ""), installer_program()
    return Installer(program, environment, offline, folder, report, lock, files, image, _index_settings(values))


def newest_version(program: Installer, python: Path | None, package: str) -> str:
    """Return the newest version that can be installed, with what it needs, and without a build; empty without any."""
    indexes = "".join(f"--extra-index-url {each}\n" for each in _named_indexes(program.files))
    options = ("--no-build", "--no-header", "--no-annotate", "--quiet", "--python", str(python))
    try:
        answer = program.read(f"{indexes}{package}\n", "pip", "compile", "-", *options)
    except InstallError:
        return ""
    spelled = any_spelling(package)
    found = re.search(rf"(?mi)^{spelled}==([\w.!+]+)", answer)
    return found[1] if found else ""


def _index_settings(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that name an index, and pip's if only its configuration files do."""
    named = {**pip_configuration(values), **values}
    return tuple(name for name in (*_PIP_INDEXES, *_INDEXES) if named.get(name))


def installer_program() -> str:
    """Return the path of uv."""
    beside = Path(sys.prefix, "bin", "uv")
    return str(beside) if beside.is_file() else uv.find_uv_bin()


def _named_indexes(files: tuple[Path, ...]) -> list[str]:
    """Return the indexes that lines of requirements files name."""
    found: list[str] = []
    for file in files:
        if file.suffix in {".txt", ".in", ".pip", ""}:
            found += _INDEX_LINE.findall(text_or_nothing(file))
    return found


def installer_variables(values: Mapping[str, str], cache: Path, files: tuple[Path, ...] = ()) -> dict[str, str]:
    """Return the variables of uv's process: pip's settings as its own, and its folders in the cache."""
    kept = {
        name: value
        for name, value in values.items()
        # uv fails on an empty value of a switch, which means "off" in other programs.
        if name not in _LEFT_OUT and not name.startswith("APPLIANCE_") and (value or not name.startswith("UV_"))
    }
    configured = {**pip_configuration(kept), **kept}
    for theirs, ours in _FROM_PIP:
        if configured.get(theirs) and not kept.get(ours):
            kept[ours] = configured[theirs]
    if configured.get("PIP_PRE", "").lower() in {"1", "true", "yes", "on"}:
        kept.setdefault("UV_PRERELEASE", "allow")
    # As in pip: the best version of all indexes. uv's default, the first index that has the package, fails for
    # requirements files that name an index with a few packages beside PyPI.
    kept.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    own = user_cache(cache)
    # On the same volume as the environments, uv links a package's files instead of copying them.
    kept.setdefault("UV_CACHE_DIR", str(own / "uv"))
    kept.setdefault("UV_PYTHON_INSTALL_DIR", str(own / "python"))
    kept["HOME"] = user_home(cache, kept.get("HOME", ""))
    kept["NO_COLOR"] = "1"
    kept["COLUMNS"] = "4000"  # otherwise uv wraps a build's output in the middle of its sentences
    kept["UV_NO_PROGRESS"] = "1"  # progress bars are for terminals; uv still prints what it downloads and installs
    local_index = any(mark in kept.get(name, "") for name in _INDEXES for mark in ("//127.", "//localhost"))
    if not local_index and not network_is_there():
        # Without this, uv tries for 8 s; with it, uv installs from its cache, or says at once what is not in it.
        kept["UV_OFFLINE"] = "1"
    elif not kept.get("UV_NO_INDEX") and not kept.get("UV_OFFLINE"):
        index = next((kept[name] for name in _DEFAULT_INDEXES if kept.get(name)), _PYPI)
        if not all(answers(each, kept) for each in dict.fromkeys(_named_indexes(files) or [index])):
            kept.setdefault("UV_HTTP_RETRIES", "0")  # otherwise uv tries for 7 s more
    return kept
