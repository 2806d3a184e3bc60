"""Create the environment that a plan names, and say how, if that fails. Runs in ``appliance install``.

Theory of operation. The environment is created in its final place, because its scripts contain that path, under a lock
that the installer inherits. The marker file is written last; a folder without it is removed and created again. So a
process that is killed at any moment leaves nothing that could be mistaken for a complete environment.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from functools import partial
from typing import TYPE_CHECKING

from appliance.conventions import COMPLETE_MARK
from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.environment_folder import clear, closed_to_others, is_complete, make_folders, seal
from appliance.environment.environment_use import installation_lock, prune
from appliance.environment.extra_requirements import reinstalled_in
from appliance.environment.failures.install_needs import name_needs
from appliance.environment.install_dependencies import DependencyInstallation
from appliance.environment.installer import Installer, installer, newest_version
from appliance.environment.plan import plan_with, python_choices
from appliance.environment.python.python_choice import Subject, after_failure, settle
from appliance.errors import InstallError
from appliance.identity.identity import user_cache
from appliance.protocol.record import replace
from appliance.protocol.remedy_kinds import INSTALL_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.config.settings import Settings
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.plan import Plan
    from appliance.environment.python.interpreter import Interpreter, Known

_ALONE = ("--no-config", "--no-project")  # this step must not use a uv.toml or pyproject.toml of the project


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
    memory = python_choices(settings, manifest)
    subject = Subject(root, settings, values, manifest)
    try:
        make_folders(user_cache(settings.cache))
        remembered = memory.read()
        with closed_to_others():
            known = settle(subject, remembered, program)
            while True:
                planned, interpreter = plan_with(root, settings, values, manifest, known, plan.application)
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
        for package in reinstalled_in(planned.extra):
            _forget(package, program)
        program.report(f"making an environment with Python {interpreter.version} ({interpreter.path})")
        program.run("venv", "--quiet", *_ALONE, "--python", str(interpreter.path), str(environment))
        DependencyInstallation(environment, interpreter.version, planned.extra, program, warn).install(manifest)
        seal(environment)
        _mark(planned, root)


def _forget(package: str, program: Installer) -> None:
    """Remove a package from uv's cache, whose files the environments share: an edit of one changes the cache too."""
    if program.offline:
        program.report(f"{package} is taken from the cache: it can't be fetched again ({program.offline})")
        return
    with contextlib.suppress(InstallError):
        program.run("cache", "clean", package)


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
