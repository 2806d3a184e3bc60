"""The facts of error pages in addition to the failure: the last save, and how an editor opens a file.

Runs in the supervisor.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from appliance.masking import Mask, page_mask
from appliance.protocol.messages import TellLastSave
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.reporting.failure_places import place_of
from appliance.supervisor.reporting.last_saves import LastSaves

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config.settings import Settings
    from appliance.protocol.start.start_options import EditorOptions, ErrorPageOptions
    from appliance.supervisor.lifecycle_events import Page
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.steps.analysis import Analysis


class PageFacts:
    """Collects facts for the pages of workers and of the stand-in.

    Args:
        settings: the appliance's.
        post: runs a function in the supervisor's loop.
        children: the workers among them get the last save, as soon as it is known.
    """

    def __init__(self, settings: Settings, post: Callable[[Callable[[], None]], None], children: Children) -> None:
        self._root = str(settings.project)
        self._editor: EditorOptions = {"name": settings.editor, "folder": editor_folder(settings.editor_folder)}
        self._children = children
        self._mask = Mask({})
        self._secret_names: list[str] = []
        self._saved: dict[str, Any] = {}
        self.saves = LastSaves(self._root, settings.env_files, post, self._changed)

    def analysed(self, analysis: Analysis) -> None:
        """Take the secrets of the project's environment."""
        origins = analysis.environment.origins
        self._secret_names = [name for name, origin in origins.items() if origin != "environment"]
        self._mask = page_mask(analysis.variables, self._secret_names, self._root)

    def _changed(self, saved: dict[str, Any]) -> None:
        self._saved = self._mask.of(saved)
        for child in self._children.living():
            if child.role is Role.WORKER:
                self._children.send(child, TellLastSave(saved=self._saved))

    def options(self) -> ErrorPageOptions:
        """Return a worker's options for its error pages."""
        options: ErrorPageOptions = {"secret_names": self._secret_names, "saved": self._saved}
        if self._editor["name"] != "none":
            options["editor"] = self._editor
        return options

    def complete(self, page: Page) -> Page:
        """Return a page of a failure with these facts, and without secrets."""
        more = {"saved": self._saved} if self._saved else {}
        editor = {"editor": self._editor} if self._editor["name"] != "none" else {}
        return self._mask.of({**page, **place_of(page, self._root), **more, **editor, "root": self._root})  # type: ignore[no-any-return]  # of a dict a dict


def editor_folder(text: str) -> str:
    """Return the project's folder on the editor's machine; "" if it is unknown.

    Compose knows the folder of its file (``$PWD``) and the project's, which may be relative to it: ``FOLDER//PROJECT``.
    """
    base, both, project = text.partition("//")
    text = posixpath.normpath(posixpath.join(base, project)) if both else text
    known = text.startswith("/") or text[1:3] in {":\\", ":/"}
    return text if known else ""
