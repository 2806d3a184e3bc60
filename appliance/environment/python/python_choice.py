"""Choose the Python for one state of a project's dependencies, and save the choice beside the environments.

``read`` runs in the supervisor at each check of the project. ``settle`` runs in ``appliance install``: it asks the
index and may download a Python, so that later checks need no network.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from appliance.dependencies.requirement_text import pins_in
from appliance.environment.environment_folder import read_note, seal, write_note
from appliance.environment.failures.install_remedies import take_older_python
from appliance.environment.python.interpreter import (
    Interpreter,
    Known,
    allowed_versions,
    choose_interpreter,
    how_to_add,
    join_names,
)
from appliance.environment.python.last_python import last_python, runs_on_none
from appliance.environment.python.pythons import SERVED
from appliance.errors import InstallError, InterpreterError
from appliance.identity.identity import user_cache
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.config.settings import Settings
    from appliance.dependencies.manifest import Manifest
    from appliance.environment.installer import Installer


class PythonChoices:
    """The file with the findings for one state of a project's dependencies."""

    def __init__(self, environments: Path, name: str) -> None:
        self._environments = environments
        self._name = name

    def read(self) -> Known:
        """Return the findings; empty if there is no valid file."""
        try:
            data = json.loads(read_note(self._environments, self._name) or b"{}")
        except ValueError:
            return Known()
        return _known(data)

    def write(self, known: Known) -> None:
        """Save the findings.

        Raises:
            OSError: the cache can't be written.
        """
        write_note(self._environments, self._name, json.dumps(vars(known)).encode())


class Subject(Record):
    """The project that a Python is chosen for."""

    root: Path
    settings: Settings
    values: Mapping[str, str]
    manifest: Manifest

    def choose(self, known: Known) -> Interpreter:
        """Return the Python for these findings."""
        return choose_interpreter(self.root, self.settings, self.values, self.manifest.folder, known)


def settle(subject: Subject, known: Known, program: Installer) -> Known:
    """Find the evidence that decides on the Python; afterwards the chosen Python is on this machine.

    Raises:
        InterpreterError: no Python that fits is installed or can be downloaded.
    """
    choose, manifest = subject.choose, subject.manifest
    chosen = choose(known)
    if chosen.alternatives and not known.lacking:
        from appliance.environment.python.wheels import lacking_wheels, pins_old_releases  # noqa: PLC0415  with packaging

        if pins_old_releases(manifest.contents(chosen.version)):
            asked = [chosen.version, *chosen.alternatives]
            known = replace(known, lacking=lacking_wheels(manifest.contents, asked, program))
            chosen = choose(known)
    if chosen.because:
        program.report(f"using Python {chosen.version}: {chosen.because}")
    while chosen.path is None:
        failed = _fetch(chosen.version, program, user_cache(subject.settings.cache) / "python")
        # A Python that is not found after its download is of no use either.
        gone = failed or ((chosen.version,) if choose(known).path is None else ())
        known = replace(known, unfetched=tuple(dict.fromkeys((*known.unfetched, *gone))))
        chosen = choose(known)
    return known


def after_failure(
    subject: Subject, failed: Interpreter, known: Known, error: InstallError, program: Installer
) -> Known:
    """Return the findings after a failed build, if another available Python may succeed.

    Raises:
        InstallError: no other Python may succeed: the given error, with the Python that would have had a wheel.
    """
    until = str(error.details.get("until", ""))
    explained = _with_no_python(error, failed.version, subject) or _with_older_python(
        with_better_python(error, failed.version, known, subject.values), until, subject
    )
    if until not in SERVED or not failed.alternatives:
        raise explained from None
    unfit = tuple(version for version in SERVED if SERVED.index(version) < SERVED.index(until))
    reason = f"{error.details.get('package')} can't be built on a Python newer than {until}"
    try:
        after = settle(subject, replace(known, unfit=unfit, reason=reason), program)
        chosen = subject.choose(after)
    except InterpreterError:
        raise explained from None
    if chosen.version in unfit or chosen.version == failed.version:
        raise explained from None
    program.report(f"trying again with Python {chosen.version}: {reason}")
    return after


def _with_no_python(error: InstallError, version: str, subject: Subject) -> InstallError | None:
    """Add the pins that run on no supported Python to the error: another Python does not help. None without any."""
    pins = runs_on_none(pins_in(subject.manifest.contents(version).index_query))
    if not pins or error.details.get("kind") != "build":
        return None
    run = "runs" if len(pins) == 1 else "run"
    error.action = (
        f"{join_names(pins)} {run} on Python {last_python(pins[0])} at most, and the appliance supports {SERVED[-1]} "
        f"to {SERVED[0]}: pin newer releases. {error.action}"
    )
    return error


def _with_older_python(error: InstallError, until: str, subject: Subject) -> InstallError:
    """Add the newest Python on which the package can still be built to the error, if the project allows it."""
    fitting = [
        version
        for version in allowed_versions(subject.root, subject.manifest.folder)
        if until in SERVED[: SERVED.index(version) + 1]
    ]
    if not fitting:
        return error
    error.needs.append({"kind": "use-python", "version": fitting[0]})  # offered if that Python is on this machine
    # The error may already advise such a Python because of the pins: a second one would contradict the first.
    if not any(how_to_add(each, subject.values) in error.action for each in fitting):
        error.action = f"{error.action} Or: {take_older_python(fitting[0], subject.values.get('APPLIANCE_IMAGE', ''))}"
    return error


def _fetch(version: str, program: Installer, fetched: Path) -> tuple[str, ...]:
    """Download a Python.

    Returns:
        The versions that are now known not to be downloadable.
    """
    program.report(f"downloading Python {version}")
    # By default uv tries for 10 s, but another Python may be enough.
    quick = replace(program, environment={**program.environment, "UV_HTTP_RETRIES": "1"})
    try:
        quick.run("python", "install", "--no-config", "--no-bin", version)
        if fetched.is_dir():
            seal(fetched)
    except InstallError as error:
        program.report(f"Python {version} could not be downloaded")
        return SERVED if error.details.get("unreachable") or error.details.get("offline") else (version,)
    return ()


def with_better_python(error: InstallError, version: str, known: Known, values: Mapping[str, str]) -> InstallError:
    """Add the Python that has wheels for what could not be built to the error, if there is one."""
    here = known.lacking.get(version, ())
    better = [each for each in known.lacking if len(known.lacking[each]) < len(here)]
    if not better or error.details.get("kind") != "build":
        return error
    best = min(better, key=lambda each: (len(known.lacking[each]), SERVED.index(each)))
    spared = [pin for pin in here if pin not in known.lacking[best]]
    advice = f"{join_names(spared)} {'has a wheel' if len(spared) == 1 else 'have wheels'} for Python {best}"
    how = how_to_add(best, values)
    same = how.partition(": docker build")[2]
    others = [step for step in error.action.split(" Or: ") if not same or same not in step]
    error.action = " Or: ".join([f"{advice}. {how}", *others])
    error.needs.append({"kind": "use-python", "version": best})
    return error


def _known(data: Any) -> Known:
    """Validate the content of the file: what has another form is ignored."""
    if not isinstance(data, dict):
        return Known()
    lacking, unfetched, unfit = data.get("lacking"), data.get("unfetched"), data.get("unfit")
    return Known(
        {version: tuple(map(str, pins)) for version, pins in lacking.items() if version in SERVED}
        if isinstance(lacking, dict) and all(isinstance(pins, list) for pins in lacking.values())
        else {},
        tuple(version for version in SERVED if version in unfetched) if isinstance(unfetched, list) else (),
        tuple(version for version in SERVED if version in unfit) if isinstance(unfit, list) else (),
        str(data.get("reason") or ""),
    )
