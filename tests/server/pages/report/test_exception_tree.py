"""An exception as a tree: causes, contexts, groups, notes, and each frame with its source, columns and values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.server.pages.error_page import report
from tests.server.pages.test_error_page import raised

needs_columns = pytest.mark.skipif(sys.version_info < (3, 11), reason="columns are Python 3.11's")


def tree_of(source: str, folder: Path) -> dict[str, Any]:
    """The tree of what running the source raises."""
    file = folder / "app.py"
    found: dict[str, Any] = report(raised(source, file), root=str(folder), kind="import")["exception"]
    return found


def test_a_frame_of_the_project_has_seven_lines_and_its_columns(tmp_path: Path):
    """A frame of the project's has three lines on either side of its own, and the columns of the expression."""
    source = "def first(a):\n    b = 2\n    #\n    return 'ä' + str(a / (b - 2)) + ''\n\n\n\n\n\nfirst(1)\n"
    frame = tree_of(source, tmp_path)["frames"][-1]
    assert [number for number, _ in frame["lines"]] == [1, 2, 3, 4, 5, 6, 7]
    ((number, start, end),) = frame["marks"]
    assert number == 4
    assert source.splitlines()[3][start:end] == "a / (b - 2)"
    assert frame["locals"] == [["a", "1"], ["b", "2"]]
    assert frame["function"].endswith("first")


def test_each_line_of_a_long_expression_is_marked(tmp_path: Path):
    """Each shown line of an expression that spans lines is marked."""
    frame = tree_of("def f(*a):\n    return 1 / 0\n\nx = f(\n    1,\n    2,\n)\n", tmp_path)["frames"][-2]
    assert [number for number, _, _ in frame["marks"]] == [4, 5, 6, 7]


def test_a_syntax_error_opens_the_broken_file(tmp_path: Path):
    """The last frame of a syntax error is the broken line, with its columns, in the file that was imported."""
    (tmp_path / "broken_part.py").write_text("import os\n\ndef f(a, :\n    pass\n", encoding="utf-8")
    source = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport broken_part\n"
    try:
        found = report(raised(source, tmp_path / "app.py"), root=str(tmp_path), kind="import")
    finally:
        sys.path.remove(str(tmp_path))
    frames = found["exception"]["frames"]
    assert (found["file"], found["line"]) == (str(tmp_path / "broken_part.py"), 3)
    assert [3, "def f(a, :"] in frames[-1]["lines"]
    assert frames[-1]["marks"] == [[3, 9, 10]]
    assert frames[-1]["own"] is True
    assert frames[-2]["file"] == str(tmp_path / "app.py")


@pytest.mark.parametrize(
    "source",
    [
        "x = 'ä' (\n",
        "if True:\nx = 1\n",
        "\tx = 1\n        y = 1\n",
        "f'{'\n",
        "\n\n(",
        "x = 1 +",
        "'''",
        "a b",
        "\ufeffa b",
    ],
)
def test_any_syntax_error_has_its_line(source: str, tmp_path: Path):
    """Wherever Python says that the source is broken, that line is shown, and the columns are within it."""
    error = raised(source, tmp_path / "app.py")
    frame = report(error, root=str(tmp_path), kind="import")["exception"]["frames"][-1]
    lines = dict(frame["lines"])
    assert frame["line"] in lines or frame["line"] > len(source.splitlines())
    for number, start, end in frame["marks"]:
        assert 0 <= start < end <= len(lines[number]) + 1


def test_causes_contexts_and_notes_are_told_apart(tmp_path: Path):
    """A cause and a context are told apart, a suppressed context is left out, and notes are kept."""
    source = """
try:
    try:
        {}["a"]
    except KeyError as error:
        found = ValueError("b")
        found.__notes__ = ["a note", "of two"]
        raise found from error
except ValueError:
    raise TypeError("c")
"""
    tree = tree_of(source, tmp_path)
    assert (tree["type"], tree["relation"]) == ("TypeError", "context")
    assert (tree["before"]["type"], tree["before"]["relation"]) == ("ValueError", "cause")
    assert tree["before"]["notes"] == ["a note", "of two"]
    assert tree["before"]["before"]["type"] == "KeyError"
    assert "before" not in tree_of("try:\n    1 / 0\nexcept Exception:\n    raise ValueError from None\n", tmp_path)


def test_a_group_has_its_members(tmp_path: Path):
    """A group has its members, each with its own frames and causes."""
    source = "def f(x):\n    try:\n        x()\n    except Exception as error:\n        return error\n\n\n"
    source += "raise ExceptionGroup('many', [f(lambda: 1 / 0), ExceptionGroup('in', [f(lambda: {}['a'])])])\n"
    tree = tree_of(source, tmp_path)
    assert [member["type"] for member in tree["members"]] == ["ZeroDivisionError", "ExceptionGroup"]
    assert tree["members"][1]["members"][0]["type"] == "KeyError"
    assert tree["members"][0]["frames"][-1]["own"] is True
    assert tree["left_members"] == 0


def test_many_frames_are_bounded(tmp_path: Path):
    """Only the innermost frames of a recursion have source and values."""
    tree = tree_of("def f(n):\n    return f(n + 1) if n < 500 else 1 / 0\n\n\nf(0)\n", tmp_path)
    shown = [frame for frame in tree["frames"] if "lines" in frame]
    assert len(tree["frames"]) == 100
    assert tree["left_out"] > 400
    assert 0 < len(shown) <= 12
    assert tree["frames"][-1] in shown


def test_a_module_has_no_local_values(tmp_path: Path):
    """A module's own frame lists no values: they would be its imports and functions."""
    assert tree_of("import os\nx = 1\n1 / 0\n", tmp_path)["frames"][-1]["locals"] == []
