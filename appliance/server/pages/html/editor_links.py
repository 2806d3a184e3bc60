"""Make the address that opens a file in an editor, at a line: the URL schemes that editors register.

A container's path becomes the host's: the editor runs there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = {
    "vscode": "vscode://file{path}:{line}:{column}",
    "cursor": "cursor://file{path}:{line}:{column}",
    "zed": "zed://file{path}:{line}:{column}",
    "pycharm": "pycharm://open?file={path}&line={line}&column={column}",
    # MacVim registers this scheme. No other Vim registers one: docs/editors.md has a handler for Linux.
    "vim": "mvim://open?url=file://{path}&line={line}&column={column}",
}
_NAMES = {"vscode": "VS Code", "cursor": "Cursor", "zed": "Zed", "pycharm": "PyCharm", "vim": "Vim"}


def editor_url(editor: Mapping[str, Any], root: object, file: object, line: object, column: int = 1) -> str:
    """Return the address; "" if no editor is set, or the file is not the project's.

    Args:
        editor: ``name`` of the editor, and ``folder``: the project's folder where the editor runs.
        root: the project's folder here.
        file: the file, line and column.
        line: as above.
        column: as above.
    """
    scheme = _SCHEMES.get(str(editor.get("name", "")))
    name, folder = str(file), str(root or "").rstrip("/") + "/"
    if scheme is None or len(folder) == 1 or not name.startswith(folder):
        return ""
    there = str(editor.get("folder") or "") or folder
    path = there.replace("\\", "/").rstrip("/") + "/" + name[len(folder) :]
    if not path.startswith("/"):
        path = f"/{path}"  # C:/Users/...
    shown = line if isinstance(line, int) and line > 0 else 1
    return scheme.format(path=quote(path, safe="/:"), line=shown, column=column)


def editor_name(editor: Mapping[str, Any]) -> str:
    """Return the editor's name for a link."""
    return _NAMES.get(str(editor.get("name", "")), "")
