"""The project's own frames in what Python prints."""

from __future__ import annotations

import faulthandler
import tempfile
import threading
import traceback
from pathlib import Path

from appliance.assistants.project_frames import project_file, project_frames, threads


def raised(folder: Path) -> str:
    """A traceback with frames of a project, of a package in it, and of this test."""
    installed = folder / ".venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    spaces: dict[str, object] = {}
    for file, text in [
        (folder / "models.py", "def inner():\n    raise ValueError('wrong')\n"),
        (installed / "library.py", "def between(call):\n    call()\n"),
        (folder / "app.py", "def view():\n    between(inner)\n"),
    ]:
        file.write_text(text, encoding="utf-8")
        exec(compile(text, str(file), "exec"), spaces)
    try:
        spaces["view"]()  # type: ignore[operator]
    except ValueError:
        return traceback.format_exc()
    raise AssertionError


def test_frames_of_libraries_are_left_out(tmp_path: Path):
    """Frames of libraries are left out, also of those that are installed below the project's folder."""
    found = project_frames(raised(tmp_path), str(tmp_path))
    assert [(each["file"], each["line"], each["function"]) for each in found] == [
        ("app.py", 2, "view"), ("models.py", 2, "inner"),
    ]  # fmt: skip
    assert found[-1]["code"] == "raise ValueError('wrong')"


def test_the_frames_of_a_group_are_found():
    """Frames after the bars of a group of exceptions count as well."""
    text = (
        '  + Exception Group Traceback (most recent call last):\n  |   File "/w/app.py", line 3, in view\n  |     go()'
    )
    assert project_frames(text, "/w")[0]["file"] == "app.py"


def test_many_frames_are_shortened():
    """The beginning and the end of an endless recursion are kept."""
    text = "".join(f'  File "/w/app.py", line {number}, in again\n' for number in range(10_000))
    found = project_frames(text, "/w")
    assert len(found) == 30
    assert (found[0]["line"], found[-1]["line"]) == (0, 9999)


def test_only_a_file_below_the_projects_folder_is_its_own():
    """A file below the project's folder is its own, a neighbour with a longer name is not."""
    assert project_file("/w/a/b.py", "/w") == "a/b.py"
    assert project_file("/w/a/b.py", "/w/") == "a/b.py"
    assert project_file("/w2/b.py", "/w") is None
    assert project_file("<frozen importlib._bootstrap>", "/w") is None
    assert project_file("/w/.venv/lib/python3.13/site-packages/x.py", "/w") is None


def test_a_thread_in_the_projects_code_is_listed_with_its_frames():
    """In a real dump, the thread that waits in the project's code is listed with its frames; others are counted."""
    ready, over = threading.Event(), threading.Event()

    def waits() -> None:
        ready.set()
        over.wait()

    thread = threading.Thread(target=waits)
    thread.start()
    ready.wait()
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        stacks = file.read().decode()
    over.set()
    thread.join()
    found, others = threads(stacks, str(Path(__file__).parent))
    assert [each["own_frames"][0]["function"] for each in found if each["own_frames"][0]["function"] == "waits"]
    assert all("threading.py" in each["stands_at"] for each in found if each["own_frames"][0]["function"] == "waits")
    assert len(found) + others == stacks.count("most recent call first")
    assert threads("", "/w") == ([], 0)
