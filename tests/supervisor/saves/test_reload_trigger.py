"""The effects of the files that a worker notes, apart from being watched."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.supervisor.saves.reload_trigger import ReloadTrigger
from appliance.worker.files.input_files import InputFiles
from tests.supervisor.fakes import handle


def test_the_text_of_a_template_is_read_when_a_request_first_uses_it(tmp_path: Path):
    """A template's first save has a diff, although no worker loads it at its start: it is read at its first use."""
    (tmp_path / "page.html").write_text("one", encoding="utf-8")
    settings: Any = SimpleNamespace(
        reload="on", project=tmp_path, ignore=(), watch="auto", env_files=(), watch_extra=()
    )
    loop: Any = SimpleNamespace(watch=lambda *_: None, unwatch=lambda _: None)
    known: list[str] = []
    saves: Any = SimpleNamespace(loaded=known.extend)
    runtime: Any = SimpleNamespace(settings=settings, loop=loop, log=None, lifecycle=None)
    trigger = ReloadTrigger(runtime, saves)
    child = handle()
    inputs = InputFiles(str(tmp_path), pipe := trigger.notes.begin(child))
    inputs.report()
    inputs.record(str(tmp_path / "page.html"))
    trigger.notes.ended(child)
    os.close(pipe)
    assert known == [str(tmp_path / "page.html")]
