"""The names of files on the desk's pages."""

from __future__ import annotations

from appliance.standin.desk_pages.relative_paths import RelativePaths


def test_own_files_are_relative_to_the_project():
    """Places and files are shortened, at any depth; a text of the project that contains the folder stays."""
    found = {
        "error": {"file": "/workspace/shop/app.py", "traceback": 'File "/workspace/shop/app.py", line 3'},
        "queries": [{"place": "/workspace/app.py:3", "rows": None}, {"place": "/usr/lib/x.py:1"}, {"place": ""}],
        "body": "/workspace/app.py",
    }
    assert RelativePaths("/workspace").apply(found) == {
        "error": {"file": "shop/app.py", "traceback": 'File "/workspace/shop/app.py", line 3'},
        "queries": [{"place": "app.py:3", "rows": None}, {"place": "/usr/lib/x.py:1"}, {"place": ""}],
        "body": "/workspace/app.py",
    }


def test_no_folder_shortens_nothing():
    """Without a project's folder every path is whole."""
    assert RelativePaths("").apply({"file": "/a.py", "place": None}) == {"file": "/a.py", "place": None}
