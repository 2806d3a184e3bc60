"""The history of reloads: files, phases and ends."""

from __future__ import annotations

import pytest

from appliance.desk import recorded_requests
from appliance.desk.reload_history import reloads
from tests.desk.log_lines import START, line


def test_reloads_have_their_files_and_ends(recorded):
    """Each generation is one row: with the files that were saved, and how it ended."""
    connection = recorded(
        line("worker.ready", START, generation=1, total_s=0.3),
        line("reload.started", START + 1, files=["app.py"], count=1),
        line("worker.ready", START + 1.1, generation=2, total_s=0.02),
        line("reload.finished", START + 1.1, generation=2, duration_s=0.03, forked=True),
        line("reload.started", START + 2, files=["views.py"], count=1),
        line("worker.exited", START + 2, level="debug", generation=1),  # replaced
        line("worker.failed", START + 2.1, generation=3, error="SyntaxError: x"),
    )
    failed, reloaded, started = reloads(connection)
    assert (failed["generation"], failed["files"], failed["error"]) == (3, ["views.py"], "SyntaxError: x")
    assert (reloaded["generation"], reloaded["files"], reloaded["duration_s"]) == (2, ["app.py"], 0.03)
    assert (reloaded["saved_at"], reloaded["forked"]) == (START + 1, True)
    assert (started["generation"], started["files"], started["saved_at"]) == (1, [], None)
    assert recorded_requests.last_save(connection) == START + 1.1


def test_a_reload_is_shown_in_phases(recorded):
    """The known times of a reload are shown phase by phase; the rest of the whole is the last phase."""
    connection = recorded(
        line("install.finished", START, duration_s=2.0),
        line("worker.ready", START, generation=1, import_s=0.1, total_s=0.3),
        line("reload.started", START + 1, files=["requirements.txt"]),
        line("reload.started", START + 1.5, files=["app.py", "requirements.txt"]),
        line("install.finished", START + 2, duration_s=1.0),
        line("preparation.finished", START + 2, duration_s=0.5),
        line("worker.ready", START + 3, generation=2, import_s=0.2, total_s=0.25),
        line("reload.finished", START + 3, generation=2, duration_s=2.0, seen_s=0.01, start_s=0.04, import_s=0.2),
    )
    reloaded, started = reloads(connection)
    assert started["phases"] == [("installed", 2.0), ("imported", 0.1), ("made ready", pytest.approx(0.2))]
    assert reloaded["files"] == ["requirements.txt", "app.py"]
    assert reloaded["phases"] == [
        ("noticed", 0.01), ("installed", 1.0), ("before start", 0.5), ("process started", 0.04), ("imported", 0.2),
        ("made ready", pytest.approx(0.25)),
    ]  # fmt: skip


def test_a_save_of_an_earlier_run_belongs_to_no_start(recorded):
    """An appliance that is stopped while it reloads leaves its files to nobody; generations of two runs are two."""
    recorded(line("worker.ready", generation=1), line("reload.started", files=["app.py"]), run="first")
    connection = recorded(line("worker.ready", generation=1), line("reload.finished", generation=1), run="second")
    assert [(each["run"], each["files"]) for each in reloads(connection)] == [("second", []), ("first", [])]
