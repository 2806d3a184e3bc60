"""Make the progress page: how far the installation is, what a command prints, which module is being imported.

Collects the reports of the children, and shows them a few times a second at most. Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from appliance.supervisor.lifecycle_events import Page, Phase
from appliance.supervisor.reporting.standin_pages import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from appliance.protocol.page_messages import Importing
    from appliance.supervisor.lifecycle_runner import LifecycleRunner
    from appliance.supervisor.loop import Loop, Timer

INTERVAL_S = 0.3  # between two versions of the page
LINES = 12  # of output that the page shows
_LINE_MAX = 500  # characters
_TITLES = {
    Phase.ANALYSING: "Analysing the project",
    Phase.INSTALLING: "Installing the project's dependencies",
    Phase.PREPARING: "Running the commands of BEFORE_START",
    Phase.BOOTING: "Starting the project",
}
_LEADS = {
    Phase.ANALYSING: "The appliance is finding out how to serve this project.",
    Phase.INSTALLING: "The installer is starting.",
    Phase.PREPARING: "They run before the project starts.",
    Phase.BOOTING: "The project is being imported.",
}
_STEPS = {
    "resolving": "The installer is finding versions that fit together.",
    "fetching": "The packages are being downloaded.",
    "installing": "The packages are being installed.",
    "finishing": "The Python files of the packages are being compiled.",
}
_PACKAGES = {
    "fetching": "{total}; {fetched} of them downloaded so far",  # the others may be in uv's cache
    "installing": "{total}",
    "finishing": "{installed} installed",
}


class ProgressPage:
    """The page of one phase.

    Args:
        loop: the supervisor's.
        show: shows a page to clients that wait.
        lifecycle: has the current phase.
        masked: masks the secrets in a text.
    """

    def __init__(
        self,
        loop: Loop,
        show: Callable[[Page], None],
        lifecycle: LifecycleRunner,
        masked: Callable[[str], str],
    ) -> None:
        self._loop = loop
        self._show = show
        self._lifecycle = lifecycle
        self._masked = masked
        self._phase = Phase.ANALYSING
        self._lines: deque[str] = deque(maxlen=LINES)
        self._facts: dict[str, Any] = {}
        self._began = self._shown_at = 0.0
        self._timer: Timer | None = None
        self._last_install_s = 0.0  # how long the last installation took; 0 if unknown

    def begin(self, phase: Phase) -> None:
        """Show the page of this phase."""
        self._phase = phase
        self._lines.clear()
        self._facts = {}
        self._began = time.monotonic()
        self._show_now()

    def output(self, phase: Phase, lines: Iterable[bytes]) -> None:
        """Show the last lines that a child of this phase wrote."""
        if phase is not self._phase:
            return
        for block in lines:
            for line in self._masked(block.decode("utf-8", "replace")).splitlines():
                if line.strip():
                    self._lines.append(shortened(line, _LINE_MAX))
        self._changed()

    def expect_install(self, last_s: float) -> None:
        """An installation begins; ``last_s``: how long the last one took, 0 if unknown."""
        self._last_install_s = last_s

    def installs(self, state: dict[str, Any]) -> None:
        """Show how far the installation is: ``InstallProgress.state``."""
        if self._phase is Phase.INSTALLING:
            self._facts = state
            self._changed()

    def imports(self, message: Importing, *, current: bool) -> None:
        """Show which module a slow import has reached, if the worker is the current one."""
        if current and self._phase is Phase.BOOTING:
            self._facts = vars(message)
            self._changed()

    def _changed(self) -> None:
        if self._timer is None:
            due = self._shown_at + INTERVAL_S - time.monotonic()
            self._timer = self._loop.call_later(max(0.0, due), self._show_now)

    def _show_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._shown_at = time.monotonic()
        if (
            self._lifecycle.state.phase is self._phase
        ):  # otherwise the page of a failure, or a worker, has taken its place
            self._show(self.page())

    def page(self) -> Page:
        """Return the page: status 503, and it refreshes itself."""
        done, total = self._counts()
        return {
            "status": 503,
            "title": _TITLES[self._phase],
            "lead": self._lead(),
            "details": "\n".join(self._lines),
            "refresh": True,
            "progress": {
                "phase": self._phase.value,
                **self._facts,
                "done": done,
                "total": total,
                "elapsed_s": round(time.monotonic() - self._began, 1),
                "last_s": self._last_install_s if self._phase is Phase.INSTALLING else 0.0,
                "facts": [[name, self._masked(text)] for name, text in self._rows()],
            },
        }

    def _counts(self) -> tuple[int, int]:
        """Return how many packages are downloaded, of how many; 0 of 0 in every other step."""
        facts = self._facts
        fetches = self._phase is Phase.INSTALLING and facts.get("step") == "fetching"
        return (facts["fetched"], facts["total"]) if fetches else (0, 0)

    def _lead(self) -> str:
        installs = self._phase is Phase.INSTALLING and self._facts
        return _STEPS[self._facts["step"]] if installs else _LEADS[self._phase]

    def _rows(self) -> Iterator[tuple[str, str]]:
        """Yield further facts about the phase: a name and a text each."""
        facts = self._facts
        if self._phase is Phase.INSTALLING:
            yield from _installation(facts)
            if self._last_install_s:
                yield "Last time", f"it took {_seconds(self._last_install_s)}"
        elif facts.get("module"):
            yield "Module", facts["module"]
            if facts["file"]:
                yield "Waiting line", f"{facts['file']}:{facts['line']}"
            yield "Modules loaded", str(facts["count"])


def _installation(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if facts.get("total") and (form := _PACKAGES.get(facts["step"])):
        yield "Packages", form.format_map(facts)
    if facts.get("step") == "fetching" and facts["bytes"]:
        yield "Large packages", f"{_megabytes(facts['bytes_fetched'])} of {_megabytes(facts['bytes'])} MB downloaded"
    if facts.get("busy"):
        unpacked = facts.get("bytes_unpacked", 0)
        yield "Now", ", ".join(facts["busy"]) + (f"; {_megabytes(unpacked)} MB of them unpacked" if unpacked else "")


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.1f}"


def _seconds(duration: float) -> str:
    return f"{duration:.0f} s" if duration < 120 else f"{duration / 60:.0f} min"
