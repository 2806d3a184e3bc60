"""The place at which a slow import stands."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from appliance.worker.frameworks.import_place import importing


def test_the_innermost_module_and_the_projects_line_are_named(tmp_path: Path):
    """The innermost module that is being imported, and the project's innermost line."""
    app = tmp_path / "app.py"
    library = tmp_path / "site-packages" / "slow.py"
    source = "entered.set()\nleave.wait(20)\n"
    entered, leave = threading.Event(), threading.Event()
    names = {"__name__": "slow.inner", "entered": entered, "leave": leave}

    def run() -> None:
        inner = compile(source, str(library), "exec")
        exec(compile("\n\nrun()\n", str(app), "exec"), {"__name__": "app", "run": lambda: exec(inner, names)})

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert entered.wait(10)
        told = importing(thread.ident or 0, str(tmp_path), lambda file: file == str(app))
    finally:
        leave.set()
        thread.join()
    assert (told.module, told.file, told.line) == ("slow.inner", "app.py", 3)
    assert told.count == len(sys.modules)


def test_a_thread_that_has_ended_stands_nowhere():
    """A thread that has ended stands nowhere."""
    told = importing(0, "/project", lambda _: True)
    assert (told.module, told.file, told.line) == ("", "", 0)
