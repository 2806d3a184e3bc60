"""The threads and processes that count as work in the background of a worker."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import appliance
from appliance.worker.ending.background_work import BackgroundWork, running

_CALLS = "def call(work):\n    work()\n"
_OURS = f"{Path(appliance.__file__).parent}/server/io/waits.py"


def _seen_within(root: Path, *files: str) -> list[BackgroundWork]:
    """Return a thread's finding about the main thread, which is in calls of these files, the outermost first."""
    found: list[BackgroundWork] = []
    looker = threading.Thread(target=lambda: found.extend(running(str(root), streams=False)), daemon=True)

    def call(inner: tuple[str, ...]) -> None:
        if not inner:
            looker.start()
            looker.join(20)
            return
        namespace: dict[str, object] = {}
        exec(compile(_CALLS, inner[0], "exec"), namespace)
        namespace["call"](lambda: call(inner[1:]))  # type: ignore[operator]  # a function

    call(files)
    return [work for work in found if work.thread == threading.main_thread().name]


@pytest.mark.parametrize("outer", [(), ("shop.py",)])
def test_our_own_code_is_not_work(tmp_path: Path, outer: tuple[str, ...]):
    """A main thread in code of ours, as the server's loop is, does no work of the project."""
    assert _seen_within(tmp_path, *(f"{tmp_path}/{file}" for file in outer), _OURS) == []


def test_the_projects_place_is_named(tmp_path: Path):
    """A main thread that waits in code of the project, called by ours, is reported with the project's line."""
    (work,) = _seen_within(tmp_path, _OURS, f"{tmp_path}/shop.py")
    assert (work.file, work.line, work.function) == (f"{tmp_path}/shop.py", 2, "call")


def test_a_library_alone_is_work(tmp_path: Path):
    """A main thread in a library's exit hook is reported with the library's line."""
    assert len(_seen_within(tmp_path)) == 1
