"""Addresses that open a file in an editor."""

from __future__ import annotations

import pytest

from appliance.server.pages.html.editor_links import editor_url


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("vscode", "vscode://file/home/me/a%20b/src/app.py:3:5"),
        ("cursor", "cursor://file/home/me/a%20b/src/app.py:3:5"),
        ("zed", "zed://file/home/me/a%20b/src/app.py:3:5"),
        ("pycharm", "pycharm://open?file=/home/me/a%20b/src/app.py&line=3&column=5"),
        ("vim", "mvim://open?url=file:///home/me/a%20b/src/app.py&line=3&column=5"),
        ("none", ""),
        ("", ""),
        ("javascript", ""),
    ],
)
def test_each_editor_has_its_own_link(name: str, url: str):
    """Each editor has its own form; an unknown name has none."""
    editor = {"name": name, "folder": "/home/me/a b/"}
    assert editor_url(editor, "/workspace", "/workspace/src/app.py", 3, 5) == url


@pytest.mark.parametrize(
    ("folder", "url"),
    [
        ("", "vscode://file/workspace/app.py:1:1"),
        ("C:\\Users\\me\\shop", "vscode://file/C:/Users/me/shop/app.py:1:1"),
    ],
)
def test_the_hosts_folder_replaces_the_containers(folder: str, url: str):
    """Without the host's folder the path is the container's; a path of Windows becomes one of a URL."""
    assert editor_url({"name": "vscode", "folder": folder}, "/workspace", "/workspace/app.py", 0) == url


@pytest.mark.parametrize("file", ["/usr/lib/python3/json.py", "<string>", "", None, "/workspace2/app.py"])
def test_a_file_outside_the_project_has_no_link(file: object):
    """A file that is not the project's can't be opened: the editor does not have it."""
    assert editor_url({"name": "vscode"}, "/workspace", file, 1) == ""
