"""Name the application for a production server: ``module:object``, and the folders that its imports need.

If no server can name it (a PasteDeploy file, a ``.wsgi`` file, a factory with arguments), a small module is written
that binds ``application``. This module runs nothing of the project and writes nothing.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from appliance.discovery.project import Project
    from appliance.discovery.target import Target

MODULE = "production_wsgi"
FILE = f"{MODULE}.py"
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\Z")
_SERVED = "A production server serves this application"


@dataclass(frozen=True)
class Entry:
    """The object that a server imports.

    Attributes:
        module: its name.
        attribute: the application in it, or its factory.
        factory: whether the server must call it.
        folders: the folders for ``sys.path``, relative to the project: "." and "src".
        text: the text of ``FILE``; empty if the project has all that a server needs.
        environ: variables to set.
        paste_file: the PasteDeploy file that it reads, relative to the project; empty if none.
        by_signature: only the object's signature can tell whether it is a factory.
    """

    module: str
    attribute: str
    factory: bool
    folders: tuple[str, ...]
    text: str
    environ: dict[str, str]
    paste_file: str = ""
    by_signature: bool = False

    @property
    def reference(self) -> str:
        """``module:attribute``, as every server takes it."""
        return f"{self.module}:{self.attribute}"


def entry_of(project: Project) -> Entry:
    """Return the application's name for a server.

    Raises:
        ApplicationError: a server can't import it.
    """
    target, root = project.target, project.root
    if target.interface == "asgi":
        raise _refused(
            f"{target.name} is an ASGI application", "a WSGI application",
            "Serve it with an ASGI server: uvicorn, hypercorn, or granian --interface asgi.",
        )  # fmt: skip
    if target.kind == "script":
        raise _refused(
            f"{target.name} starts its own server when it is run",
            "an application that a server can import: a name of a module, such as app",
            f"Bind the application at the top of {Path(target.file).name}, outside of main() and of"
            ' `if __name__ == "__main__"`, and set APPLIANCE_APP=module:app.',
        )
    folders = tuple(dict.fromkeys(_below(root, folder) for folder in (*target.search_path, str(root))))
    environ = {name: value for name, value in target.environ.items() if name != "FLASK_APP"}
    if target.kind == "paste":
        file = _paste_file(target, root)
        return _written(_paste_text(file, target.attribute), folders, environ, paste_file=file)
    called = target.call == "yes"
    if target.kind == "django":
        if target.module and _is_importable(target, target.module):
            return Entry(target.module, target.attribute or "application", called, folders, "", environ)
        return _written(_django_text(target), folders, environ)
    if not target.attribute:
        raise _refused(
            f"the name of the application in {target.name.rstrip(':')} is known only after its import",
            "one name",
            f"Name it: APPLIANCE_APP={target.module}:app, for example.",
        )
    if target.arguments or target.keywords or not _is_importable(target, target.module):
        return _written(_object_text(target, root), folders, environ)
    automatic = target.call == "auto"
    return Entry(target.module, target.attribute, called, folders, "", environ, by_signature=automatic)


def _written(text: str, folders: tuple[str, ...], environ: dict[str, str], paste_file: str = "") -> Entry:
    """Return the entry whose module is written into the project's folder, which is on the path."""
    return Entry(
        MODULE, "application", factory=False, folders=folders, text=text, environ=environ, paste_file=paste_file
    )


def _below(root: Path, folder: str) -> str:
    below = os.path.relpath(folder, root)
    if below.startswith("..") or re.search(r"[\x00-\x1f:]", below):
        raise _refused(
            f"the application is imported from the folder {folder!r}",
            "a folder of the project, whose name has no colon and no control character",
            "Move or rename the folder.",
        )
    return below


def _is_importable(target: Target, module: str) -> bool:
    """Whether ``import module`` finds the target's file, and no module of the standard library."""
    if not _NAME.match(module) or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    if not target.file:
        return True
    for folder in target.search_path:
        path = Path(folder, *module.split("."))
        if Path(target.file) in {path.with_name(path.name + ".py"), path / "__init__.py"}:
            return True
    return False


def _paste_file(target: Target, root: Path) -> str:
    """Return the file to serve in production: ``production.ini`` beside ``development.ini``, if it is there."""
    file = Path(target.file)
    beside = file.with_name("production.ini")
    return os.path.relpath(beside if file.name == "development.ini" and beside.is_file() else file, root)


def _head(what: str) -> str:
    return f'"""{_SERVED}: {what}."""\n\n'


def _paste_text(file: str, section: str) -> str:
    return (
        _head("that of a PasteDeploy file")
        + "from pathlib import Path\n\nfrom paste.deploy import loadapp\n\n"
        + f"_FILE = Path(__file__).resolve().parent / {file!r}\n"
        + f'application = loadapp(f"config:{{_FILE}}", name={section or "main"!r})\n'
    )


def _django_text(target: Target) -> str:
    settings = target.environ.get("DJANGO_SETTINGS_MODULE", "")
    first = "import configurations\n" if "DJANGO_CONFIGURATION" in target.environ else ""
    after = "configurations.setup()\n" if first else ""
    return (
        _head("that of Django's settings")
        + "import os\n\n"
        + first
        + "from django.core.wsgi import get_wsgi_application\n\n"
        + f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", {settings!r})\n'
        + after
        + "application = get_wsgi_application()\n"
    )


def _object_text(target: Target, root: Path) -> str:
    """Load the module by its file, as the appliance does if no name finds it."""
    arguments = [*map(repr, target.arguments), *(f"{name}={value!r}" for name, value in target.keywords.items())]
    call = f"({', '.join(arguments)})" if target.call == "yes" else ""
    if _is_importable(target, target.module):
        first = target.attribute.partition(".")[0]
        load = f"from {target.module} import {first}\n\napplication = {target.attribute}{call}\n"
        return _head("a factory with its arguments") + load
    file = _below(root, target.file)
    return (
        _head("of a file that no import finds by its name")
        + "import importlib.util\nimport sys\n"
        + "from importlib.machinery import SourceFileLoader\nfrom pathlib import Path\n\n"
        + f"_FILE = str(Path(__file__).resolve().parent / {file!r})\n"
        + f"_LOADER = SourceFileLoader({target.module!r}, _FILE)\n"
        + f"_SPEC = importlib.util.spec_from_file_location({target.module!r}, _FILE, loader=_LOADER)\n"
        + "_MODULE = importlib.util.module_from_spec(_SPEC)\n"
        + f"sys.modules[{target.module!r}] = _MODULE\n"
        + "_LOADER.exec_module(_MODULE)\n"
        + f"application = _MODULE.{target.attribute}{call}\n"
    )


def _refused(found: str, expected: str, action: str) -> ApplicationError:
    return ApplicationError(found, expected=f"{expected}, for a production server", action=action, kind="eject")
