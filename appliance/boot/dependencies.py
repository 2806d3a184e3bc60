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
import re
import sys
import sysconfig
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.boot.environment_folder import MARK, clear, closed_to_others, holds, is_whole, make_folders, note, seal
from appliance.boot.identity import user_cache, user_home
from appliance.boot.installer import Installer, installer
from appliance.boot.interpreter import Interpreter, choose_interpreter, missing_error
from appliance.boot.linked import link_trees
from appliance.boot.manifest import Manifest, read_manifest
from appliance.boot.upkeep import making, prune
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.boot.contents import Contents
    from appliance.boot.settings import Settings

_ALONE = ("--no-config", "--no-project")  # a uv.toml or pyproject.toml of the project says nothing about this
# The image's python, pip, flask and their kin, each of which is ``appliance run``: a project that met them on its own
# PATH would go round in a circle.
SHIMS = "/opt/appliance/shims"
# What setup.py files of some years ago expect of the tools that build them.
_OLDER_TOOLS = (
    (r"No module named '(?:pkg_resources|setuptools\.(?:_distutils\.)?msvccompiler)'|use_2to3", "setuptools<81"),
    (r"cython_sources|Cython", "Cython<3"),
)
_SETUPTOOLS = "setuptools<81"  # later ones bring pkg_resources no more
_SETUPTOOLS_SUFFIX = ".setuptools"
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
        passed_over: the Python that the project pins, where that is too old to be served.
        more: what is installed beyond the project's own dependencies.
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
    more: tuple[str, ...] = ()
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
    return _decide(root, settings, values, application)[0]


def install(
    plan: Plan, root: Path, settings: Settings, values: Mapping[str, str], report: Callable[[str], None]
) -> None:
    """Make the environment, and return when it is whole.

    Args:
        plan: what ``plan`` said.
        root: the project's folder.
        settings: the appliance's.
        values: the project's environment.
        report: takes each line of the installer's progress.

    Raises:
        InstallError: it can't be made; the installer's last words are in it.
    """
    if plan.installed:
        return
    # Anew, not from the plan: a file may have been saved since, and the key must name what is installed.
    planned, manifest, interpreter = _decide(root, settings, values, plan.application)
    try:
        make_folders(user_cache(settings.cache))
    except OSError as error:
        raise _closed_cache(settings.cache, error) from error
    with making(planned.environment, report) as lock, closed_to_others():
        if is_whole(planned.environment):
            return
        clear(planned.environment)
        program = installer(values, settings.cache, root, report, lock, manifest.files)
        _make(planned.environment, interpreter, settings, values, program)
        if interpreter.path is None:
            seal(user_cache(settings.cache) / "python")
        _fill(planned, manifest.contents(interpreter.version), program)
        seal(planned.environment)
        _mark(planned, root)
    for gone in prune(planned.environment.parent, root):
        report(f"removed an environment that was not used for long: {gone.name}")


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


def _decide(
    root: Path, settings: Settings, values: Mapping[str, str], application: Path | None
) -> tuple[Plan, Manifest, Interpreter]:
    manifest = read_manifest(root, settings.dependencies, application)
    interpreter = choose_interpreter(root, settings, values, manifest.folder)
    made_of = (
        _LAYOUT,
        manifest.digest,
        interpreter.version,
        str(interpreter.path or "fetched"),
        # The machine and the C library: "cpython-313-x86_64-linux-gnu".
        str(sysconfig.get_config_var("SOABI")),
        # Paths within the project are written into an environment: a project that moved needs another one.
        str(root) if manifest.files else "",
    )
    environments = user_cache(settings.cache) / "environments"
    key = _key(made_of)
    more: tuple[str, ...] = ()
    if holds(environments, key + _SETUPTOOLS_SUFFIX):
        more = (_SETUPTOOLS,)
        key = _key((key, *more))
    environment = environments / key
    planned = Plan(
        environment,
        environment / "bin" / "python",
        f"{interpreter.version} ({interpreter.why})",
        manifest.source,
        manifest.files,
        key,
        is_whole(environment),
        interpreter.passed_over,
        more,
        application,
    )
    return planned, manifest, interpreter


def _key(made_of: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:20]


def supply_setuptools(plan: Plan) -> bool:
    """Have the next plan of the same dependencies hold setuptools too; False where it does already, or nothing may be.

    Environments of uv hold none, and Pythons since 3.12 neither: what imports pkg_resources or distutils without saying
    that it needs them ran everywhere before.
    """
    if plan.more or plan.source == "off":
        return False
    try:
        note(plan.environment.parent, plan.environment.name + _SETUPTOOLS_SUFFIX)
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
        chosen = choose_interpreter(root, settings, values)
        if chosen.path is None:
            raise missing_error(
                [chosen.version], chosen.why, "APPLIANCE_INSTALL=off fetches none", settings.cache, values
            )
        python, words = chosen.path, f"{chosen.version} ({chosen.why})"
    else:
        python, words = existing, f"of {existing.parent.parent}"
    return Plan(python.parent.parent, python, words, "off", (), "off", installed=True)


def _make(
    environment: Path, interpreter: Interpreter, settings: Settings, values: Mapping[str, str], program: Installer
) -> None:
    if interpreter.path is not None:
        program.report(f"making an environment with Python {interpreter.version} ({interpreter.path})")
        program.run("venv", "--quiet", *_ALONE, "--python", str(interpreter.path), str(environment))
        return
    program.report(f"fetching Python {interpreter.version}")
    try:
        program.run("python", "install", "--no-config", "--no-bin", interpreter.version)
        managed = ("--managed-python", "--python", interpreter.version)
        program.run("venv", "--quiet", *_ALONE, *managed, str(environment))
    except InstallError as error:
        reason = "it could not be fetched"
        wanted = [interpreter.version]
        raise missing_error(
            wanted, interpreter.why, reason, settings.cache, values, output=error.details.get("output")
        ) from error


def _fill(planned: Plan, contents: Contents, program: Installer) -> None:
    """Tell the installer what is to be there, then link what is served from where it lies."""
    if contents.note:
        program.report(contents.note)
    if contents.sync:
        # --frozen: the lock is taken at its word and never written; uv.lock lies in the mount.
        lock = replace(program, environment={**program.environment, "UV_PROJECT_ENVIRONMENT": str(planned.environment)})
        lock.run("sync", "--frozen", "--compile-bytecode", "--python", str(planned.python), *contents.sync)
    arguments = [*contents.arguments, *planned.more, *(["--no-deps"] if contents.exact else [])]
    if contents.lines.strip():
        flat = planned.environment / "dependencies.txt"  # no name of the project's own files, in the installer's words
        flat.write_text(contents.lines, "utf-8")
        arguments = ["-r", str(flat), *arguments]
    if arguments:
        _install(planned, program, *arguments)
    link_trees(contents.trees, planned.environment)


def _install(planned: Plan, program: Installer, *arguments: str) -> None:
    """Install, and where a package can be built by the tools of its time alone, once more with those."""
    command = ("pip", "install", "--compile-bytecode", "--python", str(planned.python), *arguments)
    try:
        program.run(*command)
    except InstallError as error:
        text = "\n".join(error.details.get("output", ()))
        older = [line for pattern, line in _OLDER_TOOLS if re.search(pattern, text)]
        if not older or program.environment.get("UV_BUILD_CONSTRAINT"):
            raise
        program.report(f"building once more with {', '.join(older)}: a package was written for it")
        limits = planned.environment / "build-constraints.txt"
        limits.write_text("\n".join(line for _, line in _OLDER_TOOLS) + "\n", "utf-8")
        again = replace(program, environment={**program.environment, "UV_BUILD_CONSTRAINT": str(limits)})
        again.run(*command)


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
