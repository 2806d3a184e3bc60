"""The overlay of an open page while the project is broken."""

from __future__ import annotations

from typing import Any

from appliance.standin.overlay import overlay

FRAMES = [
    {
        "file": "/p/app.py",
        "line": 2,
        "own": True,
        "lines": [[1, "import shop"], [2, "shop.open()"]],
        "marks": [[2, 0, 11]],
    },
    {"file": "/lib/x.py", "line": 9, "own": False, "source": "raise"},
]
PAGE: dict[str, Any] = {
    "status": 500, "title": "ValueError: no", "lead": "It failed.", "file": "/p/app.py", "line": 2, "action": "Fix it.",
    "type": "ValueError", "root": "/p", "editor": {"name": "vscode", "folder": "/home/me/p"},
    "text": "Traceback ...", "exception": {"frames": FRAMES},
}  # fmt: skip


def test_a_failure_is_shown_with_its_place():
    """The message, the place, and the source around the innermost place of the project, which is marked."""
    assert overlay(PAGE) == {
        "remedies": [],
        "title": "ValueError: no", "lead": "It failed.", "kind": "ValueError", "place": "app.py:2", "action": "Fix it.",
        "source": [[1, "import shop", False, None], [2, "shop.open()", True, [0, 11]]], "details": "Traceback ...",
        "editor": {"name": "VS Code", "url": "vscode://file/home/me/p/app.py:2:1"},
    }  # fmt: skip


def test_work_under_way_is_not_a_failure():
    """A page that reports progress covers nothing."""
    assert overlay({**PAGE, "status": 503}) is None


def test_a_failure_without_source_has_details():
    """An installation that failed has details, and no source; a malformed tree gives none."""
    trees: list[Any] = [None, [], {}, {"frames": []}, {"frames": [FRAMES[1]]}]
    for tree in trees:
        shown = overlay({**PAGE, "exception": tree})
        assert shown is not None
        assert (shown["source"], shown["details"]) == ([], "Traceback ...")


def test_texts_are_bounded():
    """A message of a megabyte is cut, and a long traceback keeps its end, where the cause is."""
    shown = overlay({**PAGE, "title": "x" * 1_000_000, "text": "a" * 1_000_000 + "the cause"})
    assert shown is not None
    assert len(shown["title"]) < 10_000
    assert shown["details"].endswith("the cause")
    assert len(shown["details"]) < 10_000


def test_remedies_are_shown():
    """The overlay has a link for each remedy that can be run."""
    remedies = [{"id": "1", "label": "Set A", "runs": True}, {"id": "2", "label": "docker compose up", "runs": False}]
    shown = overlay({**PAGE, "remedies": remedies})
    assert shown is not None
    assert shown["remedies"] == [{"id": "1", "label": "Set A"}]
