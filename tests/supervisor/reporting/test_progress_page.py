"""The page of what is under way: what it says, and how often it changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.page_messages import Importing
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.reporting.progress_page import INTERVAL_S, LINES, ProgressPage
from tests.supervisor.fakes import FakeLoop

STATE = {
    "event": "install.progress", "step": "fetching", "total": 11, "fetched": 7, "installed": 0,
    "bytes": 24_000_000, "bytes_fetched": 8_000_000, "busy": ["numpy"], "bytes_unpacked": 3_000_000,
}  # fmt: skip


class Shown:
    """One page, and each version of it that was shown."""

    def __init__(self, phase: Phase) -> None:
        self.loop = FakeLoop()
        self.pages: list[dict[str, Any]] = []
        loop: Any = self.loop
        self.lifecycle = SimpleNamespace(state=SimpleNamespace(phase=phase))
        lifecycle: Any = self.lifecycle
        self.page = ProgressPage(loop, self.pages.append, lifecycle, lambda text: text.replace("secret", "***"))
        self.page.begin(phase)


def test_the_page_counts_packages_and_bytes():
    """The page says how many packages are fetched, of how many, how many bytes, which ones, and what last time took."""
    shown = Shown(Phase.INSTALLING)
    shown.page.expect_install(12.0)
    shown.page.installs(STATE)
    shown.loop.advance(INTERVAL_S)
    page = shown.pages[-1]
    progress = page["progress"]
    assert page["lead"] == "The packages are being downloaded."
    assert progress["facts"] == [
        ["Packages", "11; 7 of them downloaded so far"],
        ["Large packages", "8.0 of 24.0 MB downloaded"],
        ["Now", "numpy; 3.0 MB of them unpacked"],
        ["Last time", "it took 12 s"],
    ]
    assert (progress["done"], progress["total"], progress["last_s"], progress["phase"]) == (7, 11, 12.0, "installing")


def test_cached_packages_are_all_there_at_once():
    """Packages that need no download are all there as soon as they are installed."""
    shown = Shown(Phase.INSTALLING)
    shown.page.installs({**STATE, "step": "finishing", "fetched": 0, "installed": 11, "bytes": 0, "busy": []})
    shown.loop.advance(INTERVAL_S)
    page = shown.pages[-1]
    assert page["lead"] == "The Python files of the packages are being compiled."
    assert page["progress"]["facts"] == [["Packages", "11 installed"]]
    assert page["progress"]["total"] == 0  # no bar that is full and goes on


def test_the_page_shows_the_last_output_of_commands():
    """The page shows the last lines of BEFORE_START's output, without secrets and empty lines."""
    shown = Shown(Phase.PREPARING)
    shown.page.output(Phase.PREPARING, [b"first\n\nthe secret", *(b"line %d" % number for number in range(LINES))])
    shown.loop.advance(INTERVAL_S)
    assert shown.pages[-1]["details"].splitlines() == [f"line {number}" for number in range(LINES)]
    shown.page.output(Phase.PREPARING, [b"the secret"])
    shown.loop.advance(INTERVAL_S)
    assert shown.pages[-1]["details"].endswith("the ***")


def test_the_page_names_the_module_of_a_slow_import():
    """The page says which module the import stands in, and from which line of the project."""
    shown = Shown(Phase.BOOTING)
    shown.page.imports(Importing(module="pandas.core", file="app.py", line=3, count=812), current=True)
    shown.loop.advance(INTERVAL_S)
    assert shown.pages[-1]["lead"] == "The project is being imported."
    assert shown.pages[-1]["progress"]["facts"] == [
        ["Module", "pandas.core"],
        ["Waiting line", "app.py:3"],
        ["Modules loaded", "812"],
    ]


def test_the_page_changes_a_few_times_a_second_at_most():
    """A thousand lines at once are one version of the page."""
    shown = Shown(Phase.PREPARING)
    for number in range(1000):
        shown.page.output(Phase.PREPARING, [b"%d" % number])
    shown.loop.advance(INTERVAL_S)
    assert len(shown.pages) == 2
    assert shown.pages[-1]["details"].endswith("999")


@pytest.mark.parametrize("phase", [Phase.BROKEN, Phase.SERVING, Phase.STOPPING])
def test_late_output_replaces_no_other_page(phase: Phase):
    """Output that arrives late never replaces the page of a failure, or a worker."""
    shown = Shown(Phase.PREPARING)
    shown.page.output(Phase.PREPARING, [b"line"])
    shown.lifecycle.state.phase = phase
    shown.loop.advance(INTERVAL_S)
    assert len(shown.pages) == 1


def test_output_of_an_older_phase_changes_nothing():
    """Lines and facts of an older phase change nothing."""
    shown = Shown(Phase.BOOTING)
    shown.page.output(Phase.INSTALLING, [b"line"])
    shown.page.installs(STATE)
    shown.loop.advance(INTERVAL_S)
    assert len(shown.pages) == 1
