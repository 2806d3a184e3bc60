"""Plan the project's environment and create it.

``plan`` runs in the supervisor at each check of the project, and only reads; ``install`` runs in a child process.

Theory of operation. The name of an environment is the hash of all that it is made of, so an environment never changes:
other dependencies are another environment, and the old one is used until the new one is complete. It is created in its
final place, because its scripts contain that path, under a lock that the installer inherits. The marker file is written
last; a folder without it is removed and created again. So a process that is killed at any moment leaves nothing that
could be mistaken for a complete environment.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.conventions import COMPLETE_MARK
from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.environment_folder import (
    clear,
    closed_to_others,
    is_complete,
    make_folders,
    read_note,
    seal,
    write_note,
)
from appliance.environment.environment_use import installation_lock, prune
from appliance.environment.failures.install_needs import name_needs
from appliance.environment.install_dependencies import DependencyInstallation
from appliance.environment.installer import Installer, installer, newest_version
from appliance.environment.python.interpreter import Interpreter, choose_interpreter
from appliance.environment.python.python_choice import PythonChoices, Subject, after_failure, settle
from appliance.environment.python.pythons import appliance_interpreter
from appliance.errors import InstallError
from appliance.identity.identity import user_cache, user_home
from appliance.protocol.remedy_kinds import INSTALL_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.python.interpreter import Known

_ALONE = ("--no-config", "--no-project")  # this step must not use a uv.toml or pyproject.toml of the project
# The image's python, pip, flask and similar commands, each of which runs ``appliance run``: if the project found them
# on its own PATH, they would call themselves without end.
SHIMS = "/opt/appliance/shims"
_MORE = ".more"
_LAYOUT = "2"  # part of each key: raise it if environments are created differently, and each is created again


@dataclass(frozen=True)
class Plan:
    """The environment that a project needs.

    Attributes:
        environment: its folder.
        python: its interpreter.
        interpreter: the version of the Python that it is made from, and what asks for that version.
        source: the file that declares the dependencies; "none"; "off" if the Python is used as it is.
        files: all files that were read, which the supervisor watches.
        fingerprint: its key.
        installed: whether it is complete.
        passed_over: the Python that the project pins, if another one is used.
        because: why another Python than the appliance's own is used, if the pinned packages decided.
        more: requirements in addition to the project's own dependencies.
        more_name: the file beside the environments that keeps these requirements for later plans.
        application: the folder of the application, as given to ``plan``.
    """

    environment: Path
    python: Path
    interpreter: str
    source: str
    files: tuple[Path, ...]
    fingerprint: str
    installed: bool
    passed_over: str = ""
    because: str = ""
    more: tuple[str, ...] = ()
    more_name: str = field(default="", compare=False)
    application: Path | None = field(default=None, compare=False)


def plan(root: Path, settings: Settings, values: Mapping[str, str], application: Path | None = None) -> Plan:
    """Find the environment that the project needs, from the project's files alone.

    Args:
        root: the project's folder.
        settings: the appliance's settings.
        values: the project's environment variables.
        application: the folder of its application, if known.

    Raises:
        InterpreterError: no Python fits.
        InstallError: a dependency file can't be read.
    """
    if settings.install == "off":
        return _as_it_is(root, settings, values)
    manifest = read_manifest(root, settings.dependencies, application)
    known = _memory(settings, manifest).read()
    return _planned(root, settings, values, manifest, known, application)[0]


def install(
    plan: Plan,
    root: Path,
    settings: Settings,
    values: Mapping[str, str],
    report: Callable[[str], None],
    warn: Callable[[str], None] | None = None,
) -> Plan:
    """Create the environment, and return when it is complete.

    Args:
        plan: the result of ``plan``.
        root: the project's folder.
        settings: the appliance's settings.
        values: the project's environment variables.
        report: receives each line of the installer's progress.
        warn: receives what is installed differently from what the files say; without it, ``report`` does.

    Returns:
        The plan of the complete environment: another Python may have been chosen, or a file saved, since ``plan`` ran.

    Raises:
        InstallError: it can't be created; the error has the last lines of the installer's output.
    """
    if plan.installed:
        return plan
    # Read the files again: one may have been saved since ``plan`` ran, and the key must name what is installed.
    manifest = read_manifest(root, settings.dependencies, plan.application)
    program = installer(values, settings.cache, root, report, -1, manifest.files)
    memory = _memory(settings, manifest)
    subject = Subject(root, settings, values, manifest)
    try:
        make_folders(user_cache(settings.cache))
        remembered = memory.read()
        with closed_to_others():
            known = settle(subject, remembered, program)
            while True:
                planned, interpreter = _planned(root, settings, values, manifest, known, plan.application)
                try:
                    _make_whole(planned, interpreter, root, manifest, program, warn or report)
                    break
                except InstallError as error:
                    known = _after_failure(subject, interpreter, known, error, program)
        if known != remembered:
            memory.write(known)
    except OSError as error:
        raise _closed_cache(settings.cache, error) from error
    for gone in prune(planned.environment.parent, root):
        report(f"removed an environment that was not used for a long time: {gone.name}")
    return replace(planned, installed=True)


def _after_failure(
    subject: Subject, failed: Interpreter, known: Known, error: InstallError, program: Installer
) -> Known:
    """Return the findings for another try; without one, raise the error with what a page may offer."""
    try:
        return after_failure(subject, failed, known, error, program)
    except InstallError as final:
        newest = partial(newest_version, program, failed.path)
        with contextlib.suppress(OSError):  # a source can't be read: the error is shown, without a button
            name_needs(final, subject.root, subject.settings.cache, subject.values, newest)
        raise


def _make_whole(
    planned: Plan,
    interpreter: Interpreter,
    root: Path,
    manifest: Manifest,
    program: Installer,
    warn: Callable[[str], None],
) -> None:
    environment = planned.environment
    with installation_lock(environment, program.report) as lock:
        if is_complete(environment):
            return
        clear(environment)
        program = replace(program, lock=lock)
        for package in reinstalled_in(planned.more):
            _forget(package, program)
        program.report(f"making an environment with Python {interpreter.version} ({interpreter.path})")
        program.run("venv", "--quiet", *_ALONE, "--python", str(interpreter.path), str(environment))
        DependencyInstallation(environment, interpreter.version, planned.more, program, warn).install(manifest)
        seal(environment)
        _mark(planned, root)


def project_environment(
    plan: Plan, settings: Settings, values: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the variables of the project's processes; ``defaults`` (a target's ``environ``) are set if absent.

    ``APPLIANCE_*`` is left out: a project that reads these variables would behave differently here than elsewhere, and
    an appliance that the project starts would use them.
    """
    variables = {name: value for name, value in values.items() if not name.startswith("APPLIANCE_")}
    for name in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"):
        variables.pop(name, None)  # activating an environment removes these too
    scripts = str(plan.python.parent)
    own = str(Path(sys.prefix, "bin")) if sys.prefix != sys.base_prefix else ""
    ours = {scripts, own, SHIMS}
    folders = [part for part in variables.get("PATH", os.defpath).split(os.pathsep) if part not in ours]
    variables["PATH"] = os.pathsep.join([scripts, *folders])
    if (plan.environment / "pyvenv.cfg").is_file() or plan.source != "off":
        variables["VIRTUAL_ENV"] = str(plan.environment)
    variables["HOME"] = user_home(settings.cache, variables.get("HOME", ""))
    # The installer compiled the packages. The project's own bytecode would be written into the user's mount, and would
    # be outdated after two saves of the same length in one second.
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**(defaults or {}), **variables}


def _memory(settings: Settings, manifest: Manifest) -> PythonChoices:
    """Return the results of earlier installations of the same dependencies."""
    key = _key((_LAYOUT, manifest.digest, str(sysconfig.get_config_var("SOABI"))))
    return PythonChoices(user_cache(settings.cache) / "environments", f"{key}.python.json")


def _planned(
    root: Path,
    settings: Settings,
    values: Mapping[str, str],
    manifest: Manifest,
    known: Known,
    application: Path | None,
) -> tuple[Plan, Interpreter]:
    interpreter = choose_interpreter(root, settings, values, manifest.folder, known)
    made_of = (
        _LAYOUT,
        manifest.digest,
        interpreter.version,
        str(interpreter.path or "to be fetched"),
        # The machine and the C library: "cpython-313-x86_64-linux-gnu".
        str(sysconfig.get_config_var("SOABI")),
        # An environment contains paths of the project: a project that moved needs another environment.
        str(root) if manifest.files else "",
    )
    environments = user_cache(settings.cache) / "environments"
    key = _key(made_of)
    more_name = key + _MORE
    more = tuple(read_note(environments, more_name).decode("utf-8", "replace").split())
    if more:
        key = _key((key, *more))
    environment = environments / key
    planned = Plan(
        environment,
        environment / "bin" / "python",
        f"{interpreter.version} ({interpreter.because or interpreter.why})",
        manifest.source,
        manifest.files,
        key,
        is_complete(environment),
        interpreter.passed_over,
        interpreter.because,
        more,
        more_name,
        application,
    )
    return planned, interpreter


def _key(made_of: tuple[str, ...]) -> str:
    return hashlib.sha256(os.fsencode("\0".join(made_of))).hexdigest()[:20]


def reinstall_requirement(package: str, count: int) -> str:
    """Return a requirement that this package meets anyway: another one for each count makes another environment."""
    return f"{package}>=0{'.0' * count}"


def reinstalled_in(more: tuple[str, ...]) -> list[str]:
    """Return the packages that are installed again, because their files were edited or removed."""
    found = (re.fullmatch(r"(.+)>=0(?:\.0)*", each) for each in more)
    return list(dict.fromkeys(match[1] for match in found if match))


def _forget(package: str, program: Installer) -> None:
    """Remove a package from uv's cache, whose files the environments share: an edit of one changes the cache too."""
    if program.offline:
        program.report(f"{package} is taken from the cache: it can't be fetched again ({program.offline})")
        return
    with contextlib.suppress(InstallError):
        program.run("cache", "clean", package)


def supply(plan: Plan, requirement: str) -> bool:
    """Add a requirement to later plans of the same dependencies; return False if it is known or can't be added."""
    if not plan.more_name or requirement in plan.more:
        return False
    try:
        content = "".join(f"{each}\n" for each in (*plan.more, requirement))
        write_note(plan.environment.parent, plan.more_name, content.encode())
    except OSError:
        return False
    return True


def _as_it_is(root: Path, settings: Settings, values: Mapping[str, str]) -> Plan:
    """Plan for APPLIANCE_INSTALL=off: the named Python, else an active environment, else the project's, else ours."""
    folders = [values.get("VIRTUAL_ENV", "")]
    if "APPLIANCE_IMAGE" not in values:
        # In a container, a .venv in the mount belongs to the host: it has other paths and often another system.
        folders += [str(root / ".venv"), str(root / "venv")]
    pythons = [Path(folder, "bin", "python") for folder in folders if folder]
    existing = next((python for python in pythons if python.exists()), None)
    if settings.python or existing is None:
        chosen = choose_interpreter(root, settings, {**values, "UV_PYTHON_DOWNLOADS": "never"})
        python, label = chosen.path or appliance_interpreter(), f"{chosen.version} ({chosen.why})"
    else:
        python, label = existing, f"of {existing.parent.parent}"
    return Plan(python.parent.parent, python, label, "off", (), "off", installed=True)


def _mark(planned: Plan, root: Path) -> None:
    mark = planned.environment / COMPLETE_MARK
    whole = json.dumps({"source": planned.source, "interpreter": planned.interpreter, "project": str(root)})
    unfinished = mark.with_suffix(".new")
    unfinished.write_text(whole, "utf-8")
    unfinished.replace(mark)


def _closed_cache(cache: Path, error: OSError) -> InstallError:
    action = "Remove the volume, so that it is created again, or set APPLIANCE_CACHE to another folder."
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        action = "Mount a volume there that this user can write (in Kubernetes set fsGroup), or set APPLIANCE_CACHE."
    return InstallError(
        f"the cache {cache} can't be written by uid {os.geteuid()}: {error.strerror}",
        expected="a folder with free space that the appliance's user can write",
        action=action,
        needs=[INSTALL_AGAIN],
        cache=str(cache),
    )
