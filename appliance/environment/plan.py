"""Plan the project's environment: which it is, from which Python and files, and whether it is complete.

``plan`` only reads. Runs in the supervisor, at each check of the project, and in commands.

Theory of operation. The name of an environment is the hash of all that it is made of, so an environment never changes:
other dependencies are another environment, and the old one is used until the new one is complete (``creation``).
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.environment_folder import is_complete
from appliance.environment.extra_requirements import file_of, read_extra, write_extra
from appliance.environment.python.interpreter import Interpreter, choose_interpreter
from appliance.environment.python.python_choice import PythonChoices
from appliance.environment.python.pythons import appliance_interpreter
from appliance.identity.identity import user_cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.config.settings import Settings
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.python.interpreter import Known

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
        extra: requirements in addition to the project's own dependencies.
        extra_file: the name of the file that keeps them for later plans; empty if none can be added.
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
    extra: tuple[str, ...] = ()
    extra_file: str = field(default="", compare=False)
    application: Path | None = field(default=None, compare=False)


def add_extra(plan: Plan, requirement: str) -> bool:
    """Add a requirement to later plans of the same dependencies; return False if it is known or can't be added."""
    if not plan.extra_file or requirement in plan.extra:
        return False
    try:
        write_extra(plan.environment.parent, plan.extra_file, (*plan.extra, requirement))
    except OSError:
        return False
    return True


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
    known = python_choices(settings, manifest).read()
    return plan_with(root, settings, values, manifest, known, application)[0]


def python_choices(settings: Settings, manifest: Manifest) -> PythonChoices:
    """Return the results of earlier installations of the same dependencies."""
    key = _key((_LAYOUT, manifest.digest, str(sysconfig.get_config_var("SOABI"))))
    return PythonChoices(user_cache(settings.cache) / "environments", f"{key}.python.json")


def plan_with(
    root: Path,
    settings: Settings,
    values: Mapping[str, str],
    manifest: Manifest,
    known: Known,
    application: Path | None,
) -> tuple[Plan, Interpreter]:
    """Return the plan for dependencies that were read already, and its Python; ``known``: of ``python_choices``.

    Raises:
        InterpreterError: no Python fits.
    """
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
    extra_file = file_of(key)
    extra = read_extra(environments, extra_file)
    if extra:
        key = _key((key, *extra))
    environment = environments / key
    planned = Plan(
        environment=environment,
        python=environment / "bin" / "python",
        interpreter=f"{interpreter.version} ({interpreter.because or interpreter.why})",
        source=manifest.source,
        files=manifest.files,
        fingerprint=key,
        installed=is_complete(environment),
        passed_over=interpreter.passed_over,
        because=interpreter.because,
        extra=extra,
        extra_file=extra_file,
        application=application,
    )
    return planned, interpreter


def _key(made_of: tuple[str, ...]) -> str:
    return hashlib.sha256(os.fsencode("\0".join(made_of))).hexdigest()[:20]


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
    return Plan(
        environment=python.parent.parent, python=python, interpreter=label, source="off", files=(), fingerprint="off",
        installed=True,
    )  # fmt: skip
