"""Events from watchfiles, which is used where the kernel has no inotify."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.watch import watch_set as watch_set_module
from appliance.watch.kinds import Kind
from appliance.watch.watchfiles_source import WatchfilesSource
from tests.watch.watching import Watch, save


def test_saves_are_reported(watch: Watch, watch_set: Path, monkeypatch: pytest.MonkeyPatch):
    """This source reports files that are saved, made, moved and deleted, as the other does."""
    monkeypatch.setattr(watch_set_module, "_best_source", WatchfilesSource)
    watching = watch()
    assert watching.begun["how"] == "events"
    save(watch_set / "shop/views.py", "two")
    assert watching.changes() == {"shop/views.py": Kind.CODE}
    (watch_set / "lib").mkdir()
    save(watch_set / "lib/new.py", "x")
    assert watching.changes() == {"lib/new.py": Kind.CODE}
    with watching.as_one():
        (watch_set / "lib").rename(watch_set / "store")
    assert set(watching.changes()) == {"lib/new.py", "store/new.py"}
    (watch_set / "app.py").unlink()
    assert watching.changes() == {"app.py": Kind.CODE}
