"""The facts that the supervisor adds to pages of errors."""

import pytest

from appliance.supervisor.reporting.page_facts import editor_folder


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("/home/me/shop", "/home/me/shop"),
        ("/home/me/clone//../shop", "/home/me/shop"),
        ("/home/me/clone//./examples/hello", "/home/me/clone/examples/hello"),
        ("/home/me/clone///abs/shop", "/abs/shop"),
        ("C:\\Users\\me\\shop", "C:\\Users\\me\\shop"),
        ("//./examples/hello", ""),
        ("../shop", ""),
        ("", ""),
    ],
)
def test_the_editors_folder_is_composes_with_the_projects(text: str, folder: str):
    """The folder of compose's file and the project's are joined; a path that stays relative says nothing."""
    assert editor_folder(text) == folder
