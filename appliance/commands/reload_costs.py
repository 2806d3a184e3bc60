"""``appliance check --reload``: show what a save of each module costs, and what forbids a faster way.

An appliance that serves the project answers, if it has a snapshot. Without one, this command starts an appliance of its
own with APPLIANCE_SWAP=on, on a free port, asks it once it has a snapshot or has said why not, and ends it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.commands.first_steps import OpenedProject, open_project
from appliance.errors import ApplianceError, StartError
from appliance.logs.render.field_text import aligned
from appliance.logs.sanitise import sanitise
from appliance.masking import Mask
from appliance.plural import counted
from appliance.supervisor.reporting.status_socket import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

Costs = dict[str, Any]

_PAUSE_S: Final = 0.1  # between two questions
_SNAPSHOT_S: Final = 20.0  # for a preloader and a snapshot, once the project is served
_END_S: Final = 15.0
_SWAPPED, _CHECKPOINT, _FORKED, _COLD = "swapped", "checkpoint", "forked", "cold"
_MEANINGS: Final = {
    _SWAPPED: "needs no import, if only functions change",
    _CHECKPOINT: "imports what comes after a checkpoint",
    _FORKED: "imports the project's own modules",
    _COLD: "imports the packages too",
}


def command(process: Mapping[str, str], flags: Mapping[str, str], *, verbose: bool, as_json: bool) -> int:
    """Print the costs; return 0.

    Raises:
        ApplianceError: the project can't be served.
    """
    opened = open_project(process, flags)
    opened.report_notices()
    answer = _running(opened) or _started(opened)
    mask = Mask(opened.environment.values, more=opened.environment.secrets())
    costs = costs_of(answer)
    if as_json:
        sys.stdout.write(json.dumps(mask.of(costs)) + "\n")
    else:
        sys.stdout.write("\n".join(sanitise(mask.of(line)) for line in described(costs, verbose=verbose)) + "\n")
    return 0


def costs_of(answer: Mapping[str, Any]) -> Costs:
    """Return how each module is reloaded, and why not in a faster way, from the answer of an appliance."""
    snapshot, preload = answer["snapshot"], answer["preload"]
    if preload["state"] != "ready":
        return {"saves": _COLD, "why": preload["why"] or f"the preloader is {preload['state']}", "modules": []}
    resumed = answer["checkpoints"]
    if snapshot["state"] != "ready":
        why = snapshot["refused"] or snapshot["why"] or "there is no snapshot"
        modules = [{"file": path, "saves": _CHECKPOINT, "why": why} for path in resumed]
        return {"saves": _FORKED, "why": why, "modules": modules}
    modules = [
        {"file": path, "saves": (_CHECKPOINT if path in resumed else _FORKED) if why else _SWAPPED, "why": why}
        for path, why in answer["files"].items()
    ]
    return {"saves": _SWAPPED, "why": "", "modules": modules}


def described(costs: Costs, *, verbose: bool) -> list[str]:
    """Return the costs as lines for people; the modules that can be swapped are only counted, unless ``verbose``."""
    modules = costs["modules"]
    if not modules:
        return [f"Each save is {costs['saves']}: it {_MEANINGS[costs['saves']]}.", f"why  {costs['why']}"]
    numbers = Counter(each["saves"] for each in modules)
    lines = [
        f"{how:<10} {counted(numbers[how], 'module')}: a save {_MEANINGS[how]}"
        for how in (_SWAPPED, _CHECKPOINT, _FORKED)
        if numbers[how]
    ]
    shown = [each for each in modules if verbose or each["why"]]
    table = aligned([[each["saves"], each["file"], each["why"]] for each in shown])
    hint = [] if verbose or not numbers[_SWAPPED] else ["", "--verbose lists each module."]
    return [*lines, *([""] if table else []), *table, *hint]


def _running(opened: OpenedProject) -> Mapping[str, Any] | None:
    """Return the answer of the appliance that serves the project; None if none does, or if it makes no snapshots."""
    try:
        answer = ask(Path(opened.settings.status_socket), "snapshot")
    except (ApplianceError, OSError, ValueError):
        return None
    if answer.get("project") != str(opened.settings.project):
        return None
    return answer if _is_known(answer) else None


def _is_known(answer: Mapping[str, Any]) -> bool:
    snapshot = answer.get("snapshot") or {}
    return bool(snapshot) and "files" in answer and (snapshot["state"] == "ready" or bool(snapshot["refused"]))


def _started(opened: OpenedProject) -> Mapping[str, Any]:
    """Start an appliance, and return its answer.

    Raises:
        StartError: it does not serve the project.
    """
    with tempfile.TemporaryDirectory(prefix="appliance-check-", ignore_cleanup_errors=True) as folder:
        socket = Path(folder) / "status"
        settings = (
            f"--status-socket={socket}", "--swap=on", "--port=0", "--host=127.0.0.1", "--log-format=json",
            "--companions=off",
        )  # fmt: skip
        argv = [sys.executable, "-I", "-m", "appliance", "serve", *opened.argv(), *settings]
        child = subprocess.Popen(  # noqa: S603  our own program
            argv, env=dict(opened.process), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        )
        errors = _Errors(child)
        try:
            return _answer(socket, child, opened.settings.boot_timeout_s, errors)
        finally:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


class _Errors(threading.Thread):
    """Reads the log of an appliance, and keeps the last error."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self._child = child
        self.last: dict[str, Any] = {}
        self.changed = threading.Event()  # an error, or the end
        self.start()

    def run(self) -> None:
        """Read until the end."""
        with self._child.stdout or open("/dev/null", "rb") as log:  # noqa: PTH123  never without a pipe
            for line in log:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and event.get("level") == "error":
                    self.last = event
                    self.changed.set()
        self.changed.set()


def _answer(socket: Path, child: subprocess.Popen[bytes], boot_s: float, errors: _Errors) -> Mapping[str, Any]:
    served_at: float | None = None
    while True:
        errors.changed.wait(_PAUSE_S)
        if child.poll() is not None or errors.last:
            raise _not_served(errors.last)
        try:
            answer = ask(socket, "snapshot")
        except (ApplianceError, OSError, ValueError):
            continue
        if answer.get("error"):
            raise _not_served({"message": answer["error"].get("lead") or answer["error"].get("title")})
        if _is_known(answer):
            return answer
        if served_at is None and answer.get("state") == "serving":
            served_at = time.monotonic()
        if served_at is not None and time.monotonic() > served_at + _SNAPSHOT_S + boot_s:
            return answer


def _not_served(event: Mapping[str, Any]) -> StartError:
    found = event.get("message") or event.get("found") or event.get("event") or "it ended"
    return StartError(
        f"the project can't be served: {found}", expected="a project that starts",
        action="Run `appliance serve`: its log has the cause.", what="the project", passing=False,
    )  # fmt: skip
