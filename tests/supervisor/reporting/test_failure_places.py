"""The place of a failure without an exception: from a dump of faulthandler, or a line of a file."""

from __future__ import annotations

import os
from pathlib import Path

import appliance
from appliance.supervisor.reporting.failure_places import place_of, stopped_at, without_ours

OURS = Path(appliance.__file__).parent
SOURCE = "".join(f"line {number}\n" for number in range(1, 21))


def dump(root: Path) -> str:
    """Return the dump that faulthandler prints of a worker: a thread of ours, a waiting one, and the importing one."""
    return f"""Fatal Python error: Segmentation fault

Thread 0x00007f54367fe6c0 (most recent call first):
  File "{OURS}/protocol/channel.py", line 163 in receive
  File "{OURS}/worker/control/control_thread.py", line 50 in _run

Thread 0x00007f54367fe6c1 [pool] (most recent call first):
  File "/usr/lib/python3.13/threading.py", line 331 in wait

Current thread 0x00007f543845ab80 [main] (most recent call first):
  File "/usr/lib/python3.13/socket.py", line 20 in connect
  File "{root}/shop/db.py", line 10 in open
  File "{root}/app.py", line 2 in <module>
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "{OURS}/worker/app.py", line 225 in _module

Extension modules: _cffi_backend (total: 1)
"""


def test_the_place_is_the_innermost_own_frame(tmp_path: Path):
    """The page opens the project's innermost frame with seven lines; library frames stay, those of ours do not."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "db.py").write_text(SOURCE, encoding="utf-8")
    found = stopped_at(dump(tmp_path), str(tmp_path))
    assert (found["file"], found["line"]) == (f"{tmp_path}/shop/db.py", 10)
    frames = found["exception"]["frames"]
    assert [frame["function"] for frame in frames] == ["<module>", "open", "connect"]
    assert frames[1]["lines"] == [[number, f"line {number}"] for number in range(7, 14)]
    assert frames[0]["lines"] == []  # this file is not there any more
    assert "own" not in frames[2]


def test_the_thread_that_the_signal_met_comes_first(tmp_path: Path):
    """If several threads are in the project's code, the current one counts, or else another one."""
    own = f'  File "{tmp_path}/one.py", line 1 in one'
    other = f'  File "{tmp_path}/two.py", line 2 in two'
    head = "Thread 0x00007f (most recent call first):"
    assert stopped_at(f"{head}\n{own}\n\nCurrent {head.lower()}\n{other}", str(tmp_path))["line"] == 2
    assert stopped_at(f"{head}\n{own}\n\nCurrent {head.lower()}\n", str(tmp_path))["line"] == 1


def test_a_dump_without_the_projects_frames_has_no_place(tmp_path: Path):
    """A dump without the project's frames, and output without a dump, have no place."""
    assert stopped_at(dump(Path("/elsewhere")), str(tmp_path)) == {}
    assert stopped_at("", str(tmp_path)) == {}
    assert stopped_at(f'  File "{tmp_path}/app.py", line 3 in a traceback', str(tmp_path)) == {}


def test_a_pipe_or_folder_has_no_source(tmp_path: Path):
    """A pipe, a folder, and a line beyond the end have no source, and nothing waits for them."""
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "short.py").write_text("one\n", encoding="utf-8")
    for name, line in (("pipe.py", 1), ("folder.py", 1), ("short.py", 9), ("nul\0.py", 1)):
        assert place_of({"file": f"{tmp_path}/{name}", "line": line}, str(tmp_path)) == {}


def test_the_line_of_an_installation_has_its_source(tmp_path: Path):
    """A page that names a line of the project has its source; another file's line, and an exception, are left alone."""
    file = tmp_path / "requirements.txt"
    file.write_text("flask==99.0\n", encoding="utf-8")
    page = {"file": str(file), "line": 1}
    frame = place_of(page, str(tmp_path))["exception"]["frames"][0]
    assert (frame["lines"][0], frame["own"]) == ([1, "flask==99.0"], True)
    assert place_of(page, "/elsewhere") == {}
    assert place_of({**page, "exception": {"frames": []}}, str(tmp_path)) == {}


def test_what_is_ours_is_left_out_of_the_text(tmp_path: Path):
    """The text keeps the project's frames and libraries', and no thread that has none of them."""
    text = without_ours(dump(tmp_path))
    assert str(OURS) not in text
    assert "importlib" not in text
    assert text.count("(most recent call first)") == 2
    assert text.startswith("Fatal Python error: Segmentation fault\n\nThread 0x00007f54367fe6c1 [pool]")
    assert text.endswith("Extension modules: _cffi_backend (total: 1)")
    assert without_ours("a line\n\nanother") == "a line\n\nanother"
