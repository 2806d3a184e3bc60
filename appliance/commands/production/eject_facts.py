"""Collect the facts about a project for its production files: entry, Python, lock, settings, routes.

The application is imported once, in the project's environment and in a process of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import OWN_FOLDER
from appliance.commands.first_steps import UNNAMED, folder_on_host
from appliance.commands.install import ensure
from appliance.commands.production.eject_entry import FILE, Entry, entry_of
from appliance.commands.production.eject_locks import Lock, lock
from appliance.config.secret_files import VARIABLE
from appliance.dependencies.manifest_search import read_manifest
from appliance.discovery.project import find_application
from appliance.discovery.source.modules import Modules
from appliance.environment.installer import installer
from appliance.environment.process_variables import project_environment
from appliance.environment.required_variables import required_variables
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.commands.first_steps import OpenedProject
    from appliance.dependencies.manifest import Manifest
    from appliance.discovery.project import Project
    from appliance.environment.plan import Plan

_PROGRAM = f"{OWN_FOLDER}worker/production_facts.py"
_DEVELOPMENT = frozenset({"FLASK_DEBUG", "FLASK_ENV", "FLASK_APP", "FLASK_RUN_PORT", "FLASK_RUN_HOST", "DEBUG"})
_IMPORT_S = 120
_SESSIONS = frozenset({"flask-socketio", "python-socketio", "python-engineio"})
_READS_METADATA = re.compile(r"\bimportlib[._]metadata\b|\bpkg_resources\b")


@dataclass(frozen=True)
class Facts:
    """The facts about a project.

    Attributes:
        name: a name for the image, of letters, digits and single hyphens.
        root: the folder of the project.
        framework: for people.
        entry: what the server imports.
        version: the Python that served, "3.13.5"; implementation: "CPython".
        server: the chosen server.
        lock: the dependencies.
        folders: the folders for PYTHONPATH, relative to the project.
        installs: the folders to install as distributions, because the project reads its own metadata.
        required: variables without which the project does not start.
        given: further variables that the project's .env files set.
        django: facts of Django's settings; None for other projects.
        routes: paths without parameters.
        manage: the path of Django's manage.py, relative to the project; empty without one.
        before_start: the commands of BEFORE_START.
    """

    name: str
    root: str
    framework: str
    entry: Entry
    version: str
    implementation: str
    server: str
    lock: Lock
    folders: tuple[str, ...]
    installs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    django: Mapping[str, Any] | None = None
    routes: tuple[str, ...] = ()
    manage: str = ""
    before_start: tuple[str, ...] = ()

    @property
    def one_process(self) -> bool:
        """Whether one process has to answer every request of a client: Socket.IO keeps a client's session in it."""
        return bool(_SESSIONS & self.lock.names)


def collect(opened: OpenedProject, server: str) -> Facts:
    """Find the application, install what is missing, import it once, and lock its dependencies.

    Raises:
        ApplianceError: there is no application that a server can import, or its dependencies can't be installed.
    """
    settings, values, root = opened.settings, opened.environment.values, opened.settings.project
    adapts = settings.asgi == "adapt"
    project = find_application(root, values, settings.app or None, adapts=adapts)
    entry = entry_of(project)
    planned = ensure(opened, project.folder)
    seen = _imported(opened, planned, entry)
    entry = replace(entry, factory=entry.factory or bool(seen.get("factory")))
    manifest = read_manifest(root, settings.dependencies, project.folder)
    uv = installer(values, settings.cache, root, lambda _: None, -1, manifest.files)
    locked = lock(root, planned, manifest, uv, server)
    modules = Modules(root)
    required = [name for name in required_variables(modules) if VARIABLE.match(name)]
    origins = opened.environment.origins
    given = [
        name
        for name in sorted(values)
        if origins.get(name, "environment") != "environment" and VARIABLE.match(name)
        if not name.startswith("APPLIANCE_") and name not in _DEVELOPMENT and name not in required
    ]
    return Facts(
        name=image_name(folder_on_host(settings), locked),
        root=str(root),
        framework=project.target.framework or project.target.interface.upper(),
        entry=entry,
        version=seen["python"],
        implementation=seen["implementation"],
        server=server,
        lock=locked,
        folders=_folders(root, entry, manifest, planned),
        installs=_installs(modules, locked, entry),
        required=tuple(name for name in required if name not in entry.environ),
        given=tuple(given),
        django=seen.get("django"),
        routes=tuple(seen.get("routes", ())),
        manage=_manage(project),
        before_start=tuple(settings.before_start),
    )


def image_name(folder: Path, locked: Lock) -> str:
    """Return a name that images, compose and Kubernetes accept: of the folder, else of the project's distribution."""
    own = next((name for name, folder in locked.own.items() if folder == "."), "")
    for text in ("" if folder.name == "workspace" else folder.name, own):
        name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
        if re.match(r"[a-z]", name):
            return name
    return UNNAMED


def _imported(opened: OpenedProject, planned: Plan, entry: Entry) -> dict[str, Any]:
    """Import the application as the server will, and return what the import shows."""
    root = opened.settings.project
    asked = {
        "root": str(root),
        "path": [str(root / folder) for folder in entry.folders],
        "reference": entry.reference,
        "factory": entry.factory,
        "by_signature": entry.by_signature,
        "text": entry.text,
        "file": str(root / FILE),
    }
    variables = project_environment(planned, opened.settings, opened.environment.values, entry.environ)
    argv = [str(planned.python), _PROGRAM, json.dumps(asked)]
    try:
        done = subprocess.run(  # noqa: S603  the project's own interpreter, our own program
            argv, cwd=root, env=variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=_IMPORT_S, check=False
        )
        facts: dict[str, Any] = json.loads(done.stdout or b"{}")
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        failure = facts.get("error") or ("" if facts else f"its process ended with code {done.returncode}: {last}")
    except subprocess.TimeoutExpired:
        facts, failure = {}, f"it was not finished after {_IMPORT_S} s"
    except ValueError:
        facts, failure = {}, "its process wrote something else than the result"
    if failure:
        raise ApplicationError(
            f"The application {entry.reference} can't be imported: {failure}",
            expected="an application that starts here, with the variables of this environment and of .env",
            action="Correct the project until the appliance serves it, then run `appliance eject` again.",
            kind="eject",
        )
    return facts


def _folders(root: Path, entry: Entry, manifest: Manifest, planned: Plan) -> tuple[str, ...]:
    """Return the folders for PYTHONPATH: the application's, then those of the projects that were linked."""
    trees = manifest.contents(planned.interpreter.partition(" ")[0]).trees
    linked = [str(folder.relative_to(root)) for tree in trees for folder in tree.roots if folder.is_relative_to(root)]
    return tuple(dict.fromkeys([*entry.folders, *(each for each in linked if not re.search(r"[\x00-\x1f:]", each))]))


def _installs(modules: Modules, locked: Lock, entry: Entry) -> tuple[str, ...]:
    """Return the folders of the project that something finds by a distribution's name."""
    if not locked.own:
        return ()
    texts = (modules.source(file).text for file in modules.files(3))
    if entry.paste_file or any(_READS_METADATA.search(text) for text in texts):
        return tuple(locked.own.values())
    return ()


def _manage(project: Project) -> str:
    for folder in project.target.search_path:
        if project.target.kind == "django" and (Path(folder) / "manage.py").is_file():
            return str((Path(folder) / "manage.py").relative_to(project.root))
    return ""
