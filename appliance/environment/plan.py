"""The project's environment: which one it needs, whether it is whole, and how it is made.

Owns the layout of environments in the cache, their keys and the mark of a whole one. Must not know uv's words. ``plan``
runs in the supervisor at each look at the project, and reads only; ``install`` in a child of its own.

Theory of operation. An environment is named by the hash of all that it is made of, so it never changes: other
dependencies are another environment, and the old one serves until the new one is whole. It is made in its final place,
since scripts in it name that place, under a lock that its installer inherits; the mark is written last, and what bears
no mark is removed and made anew. So a kill at any moment leaves nothing that is taken for whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.manifest import Manifest, read_manifest
from appliance.environment.environment_folder import (
    MARK,
    clear,
    closed_to_others,
    is_whole,
    make_folders,
    note,
    noted,
    seal,
)
from appliance.environment.filling import Filling
from appliance.environment.installer import Installer, installer
from appliance.environment.python.interpreter import Interpreter, choose_interpreter
from appliance.environment.python.python_choice import PythonChoices, Subject, after_failure, settle
from appliance.environment.python.pythons import own_interpreter
from appliance.environment.upkeep import making, prune
from appliance.errors import InstallError
from appliance.identity.identity import user_cache, user_home

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.config.settings import Settings
    from appliance.environment.python.interpreter import Known

_ALONE = ("--no-config", "--no-project")  # a uv.toml or pyproject.toml of the project says nothing about this
# The image's python, pip, flask and their kin, each of which is ``appliance run``: a project that met them on its own
# PATH would go round in a circle.
SHIMS = "/opt/appliance/shims"
_MORE = ".more"
_LAYOUT = "2"  # part of each key: a change of how environments are made makes new ones


@dataclass(frozen=True)
class Plan:
    """The environment that a project needs.

    Attributes:
        environment: its folder.
        python: the interpreter in it.
        interpreter: the version that it is made from, and whose wish that is.
        source: the file that says what it holds; "none"; "off" where the Python is used as it is.
        files: all files that were read to know: worth watching.
        fingerprint: its key.
        installed: whether it is whole.
        passed_over: the Python that the project pins, where another one is taken.
        because: why another than the appliance's own Python is taken, where the pinned packages decided.
        more: what is installed beyond the project's own dependencies.
        more_name: the file beside the environments that says so to the plans to come.
        application: the folder that the application lies in, as the plan's maker was told.
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
    """Which environment the project needs, from its files alone.

    Args:
        root: the project's folder.
        settings: the appliance's.
        values: the project's environment.
        application: the folder that its application lies in, where that is known.

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
    """Make the environment, and return when it is whole.

    Args:
        plan: what ``plan`` said.
        root: the project's folder.
        settings: the appliance's.
        values: the project's environment.
        report: takes each line of the installer's progress.
        warn: takes what is installed otherwise than the files say; without it, that is progress too.

    Returns:
        The plan of what is whole now: another Python may have been settled, a file may have been saved meanwhile.

    Raises:
        InstallError: it can't be made; the installer's last words are in it.
    """
    if plan.installed:
        return plan
    # Anew, not from the plan: a file may have been saved since, and the key must name what is installed.
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
                    known = after_failure(subject, interpreter, known, error, program)
        if known != remembered:
            memory.write(known)
    except OSError as error:
        raise _closed_cache(settings.cache, error) from error
    for gone in prune(planned.environment.parent, root):
        report(f"removed an environment that was not used for long: {gone.name}")
    return replace(planned, installed=True)


def _make_whole(
    planned: Plan,
    interpreter: Interpreter,
    root: Path,
    manifest: Manifest,
    program: Installer,
    warn: Callable[[str], None],
) -> None:
    environment = planned.environment
    with making(environment, program.report) as lock:
        if is_whole(environment):
            return
        clear(environment)
        program = replace(program, lock=lock)
        program.report(f"making an environment with Python {interpreter.version} ({interpreter.path})")
        program.run("venv", "--quiet", *_ALONE, "--python", str(interpreter.path), str(environment))
        Filling(environment, interpreter.version, planned.more, program, warn).fill(manifest)
        seal(environment)
        _mark(planned, root)


def project_environment(
    plan: Plan, settings: Settings, values: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of the project's processes; ``defaults`` (a target's ``environ``) are set where they are absent.

    Without ``APPLIANCE_*``: they are ours, a project that reads them would behave otherwise here than elsewhere, and an
    appliance that is started by the project would take them for its own.
    """
    variables = {name: value for name, value in values.items() if not name.startswith("APPLIANCE_")}
    for name in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"):
        variables.pop(name, None)  # what activating an environment takes away too
    scripts = str(plan.python.parent)
    own = str(Path(sys.prefix, "bin")) if sys.prefix != sys.base_prefix else ""
    ours = {scripts, own, SHIMS}
    folders = [part for part in variables.get("PATH", os.defpath).split(os.pathsep) if part not in ours]
    variables["PATH"] = os.pathsep.join([scripts, *folders])
    if (plan.environment / "pyvenv.cfg").is_file() or plan.source != "off":
        variables["VIRTUAL_ENV"] = str(plan.environment)
    variables["HOME"] = user_home(settings.cache, variables.get("HOME", ""))
    # Packages' bytecode was made by the installer; the project's own would lie in the mount, and be wrong for two saves
    # of equal length in one second.
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**(defaults or {}), **variables}


def _memory(settings: Settings, manifest: Manifest) -> PythonChoices:
    """What is remembered for the project's dependencies as they are now."""
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
        # Paths within the project are written into an environment: a project that moved needs another one.
        str(root) if manifest.files else "",
    )
    environments = user_cache(settings.cache) / "environments"
    key = _key(made_of)
    more_name = key + _MORE
    more = tuple(noted(environments, more_name).decode("utf-8", "replace").split())
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
        is_whole(environment),
        interpreter.passed_over,
        interpreter.because,
        more,
        more_name,
        application,
    )
    return planned, interpreter


def _key(made_of: tuple[str, ...]) -> str:
    return hashlib.sha256(os.fsencode("\0".join(made_of))).hexdigest()[:20]


def supply(plan: Plan, requirement: str) -> bool:
    """Have the next plan of the same dependencies hold this too; False where it does already, or nothing may be."""
    if not plan.more_name or requirement in plan.more:
        return False
    try:
        content = "".join(f"{each}\n" for each in (*plan.more, requirement))
        note(plan.environment.parent, plan.more_name, content.encode())
    except OSError:
        return False
    return True


def _as_it_is(root: Path, settings: Settings, values: Mapping[str, str]) -> Plan:
    """APPLIANCE_INSTALL=off: the named Python, else an active environment, else the project's own, else ours."""
    folders = [values.get("VIRTUAL_ENV", "")]
    if "APPLIANCE_IMAGE" not in values:
        # In a container a .venv in the mount is the host's, for other paths and often another system.
        folders += [str(root / ".venv"), str(root / "venv")]
    pythons = [Path(folder, "bin", "python") for folder in folders if folder]
    existing = next((python for python in pythons if python.exists()), None)
    if settings.python or existing is None:
        chosen = choose_interpreter(root, settings, {**values, "UV_PYTHON_DOWNLOADS": "never"})
        python, words = chosen.path or own_interpreter(), f"{chosen.version} ({chosen.why})"
    else:
        python, words = existing, f"of {existing.parent.parent}"
    return Plan(python.parent.parent, python, words, "off", (), "off", installed=True)


def _mark(planned: Plan, root: Path) -> None:
    mark = planned.environment / MARK
    whole = json.dumps({"source": planned.source, "interpreter": planned.interpreter, "project": str(root)})
    unfinished = mark.with_suffix(".new")
    unfinished.write_text(whole, "utf-8")
    unfinished.replace(mark)


def _closed_cache(cache: Path, error: OSError) -> InstallError:
    return InstallError(
        f"the cache {cache} can't be written by uid {os.geteuid()}: {error.strerror}",
        expected="a folder that the appliance's user may write, with room in it",
        action="Remove the volume and let it be made anew, or name another folder in APPLIANCE_CACHE.",
        cache=str(cache),
    )
