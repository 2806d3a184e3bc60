"""Load the application that a PasteDeploy file describes, with the project's own PasteDeploy.

Runs in the worker.

Theory of operation. ``use = egg:shop`` refers to the entry points of an installed distribution. The project itself is
only on the path, not installed: its names are looked up in its files' declarations, and loaded by PasteDeploy's own
``call:module:function``, which every version has.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ...package_names import normalized

if TYPE_CHECKING:
    from ...protocol.start.start_target import StartTarget
    from ..hooks import Hooks


def load(target: StartTarget, hooks: Hooks) -> Any:
    """Return the application of the section ``target["attribute"]`` of the file."""
    deploy: Any = importlib.import_module("paste.deploy.loadwsgi")  # noqa: TID251  the project's own PasteDeploy
    own = target["keywords"]
    names = set(map(normalized, own["own"]))
    hooks.call("entry points of Paste", _add_entry_points, deploy, names, own["entries"], otherwise=None)
    _configure_logging(target["file"])
    return deploy.loadapp(f"config:{target['file']}", name=target["attribute"])


def _add_entry_points(deploy: Any, names: set[str], entries: dict[str, str]) -> None:
    loaders = deploy._loaders  # noqa: SLF001  there is no public way to add a loader
    by_egg, by_call = loaders["egg"], loaders["call"]

    def load_egg(kind: Any, uri: str, spec: str, name: str | None, *more: Any, **options: Any) -> Any:
        place = entries.get(name or "main") if normalized(spec) in names else None
        if place is None:
            return by_egg(kind, uri, spec, name, *more, **options)
        return by_call(kind, uri, place, None, *more, **options)

    loaders["egg"] = load_egg


def _configure_logging(file: str) -> None:
    """Configure logging as pserve does, if the file says how."""
    with open(file, encoding="utf-8", errors="replace") as text:
        if "[loggers]" not in text.read():
            return
    from logging.config import fileConfig  # noqa: PLC0415  few projects have it

    folder = file.rpartition("/")[0]
    fileConfig(file, {"__file__": file, "here": folder}, disable_existing_loggers=False, encoding="utf-8")
