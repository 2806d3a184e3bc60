"""A day's work on a project: ``python -m tests.soak.edits --edits 2000`` (``make soak``).

One appliance serves a small project that is edited again and again: values, templates, variables, modules that come, go
and are renamed, and now and then something that breaks it: a syntax error, an exception, a crash or an exit at import.
After each edit the project is asked until it answers what it must. Between hundreds of edits the processes are
looked at: memory, descriptors and their number must not grow, and no zombie may stay. Then bursts: twenty saves of
equal length in a second, of which the last must be served. The seed decides what is edited; the result is one JSON
object on stdout, and the exit code.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from tests.live.live_appliance import Appliance
from tests.live.swapped_project import python, status_of
from tests.soak.edited_project import EditedProject
from tests.soak.processes import PROC, Held, differences, held, tree
from tests.soak.verdict import tell

PATIENCE_S = 30.0
SETTLE_S = 1.0  # between the last edit and a look: old workers have gone
VERIFIED_S = 4.0  # with swaps: the last one is verified
THOUGHT_S, THOUGHT = 1.5, 8  # with swaps: a pause after so many edits, until there is a new snapshot
SAVES = 20  # of a burst
SPARE_KIB = 4_000
MOST_SNAPSHOTS = 7  # a snapshot, its spare, one that imports, one that is compared with it, and three checkpoints
MOST_PROCESSES = 6  # supervisor, preloader and the process that guards it, stand-in, worker, one that drains
SERVED = {"body": "swapped", "top": "checkpoint"}  # how each kind of edit is served, where there are no others
MOST_REASONS = 12  # that are told
SHARE = 0.8  # of the edits: what is served in that way, also on a busy machine
SETTINGS = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "131072"}


@dataclass
class Result:
    """The measurements of a day.

    Attributes:
        served_s: medians, of each kind of edit, from the edit to the right answer.
        supervisor: what it held, at each look.
        hows: how many reloads were swapped, forked and cold.
        reasons: why they were not made in a faster way.
        tree: PSS of all processes in KiB, at each look.
        processes: their number, at each look.
    """

    seed: int
    edits: int = 0
    bursts: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    served_s: dict[str, float] = field(default_factory=dict)
    hows: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    supervisor: list[Held] = field(default_factory=list)
    tree: list[int] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Day:
    """One day."""

    def __init__(self, appliance: Appliance, project: EditedProject, seed: int, *, swap: str = "") -> None:
        self._swap = swap
        self._appliance = appliance
        self._project = project
        self._times: dict[str, list[float]] = {}
        self._kinds: Counter[str] = Counter()
        self.result = Result(seed)

    def edit(self, number: int) -> None:
        """One edit, and the answer that must follow."""
        if self._swap and number % THOUGHT == 0:
            self._think()
        kind = self._project.edit()
        self._kinds[kind] += 1
        began = time.monotonic()
        wanted = self._project.answer()
        got = self._ask_until(wanted)
        if got != wanted:
            self.result.failures.append(f"edit {number}, {kind}: wanted {wanted!r}, got {got!r:.400}")
        self._times.setdefault(kind, []).append(time.monotonic() - began)
        self.result.edits += 1

    def _think(self) -> None:
        """Pause until there is a new snapshot, unless the project is broken."""

        def may_go_on() -> bool:
            told = status_of(self._appliance)
            return bool(told["snapshot"]["state"] == "ready" or told["state"] == "broken")

        time.sleep(THOUGHT_S)
        with contextlib.suppress(AssertionError):  # a busy machine: the result says how many were swapped
            self._appliance.until(may_go_on, within_s=PATIENCE_S)

    def stumble(self) -> None:
        """Break the project and fix it: from then on the stand-in is there, in every sample."""
        self._project.break_import()
        self._ask_until(self._project.answer())
        self._project.repair()
        self._ask_until(self._project.answer())

    def prepare(self, only: str) -> None:
        """Wait for the snapshot or the checkpoint that serves each edit from now on, if all are of this kind."""
        if only:
            self._appliance.wait_for("snapshot.ready")
        if only == "top":
            self._project.edit()
            self._ask_until(self._project.answer())
            self._appliance.wait_for("checkpoint.ready")

    def burst(self) -> None:
        """Twenty saves of equal length in one second; the last is served, and stays."""
        for _ in range(SAVES):
            self._project.value()
            time.sleep(1 / SAVES)
        wanted = self._project.answer()
        if (got := self._ask_until(wanted)) != wanted or (got := self._ask()) != wanted:
            self.result.failures.append(f"burst {self.result.bursts}: wanted {wanted!r}, got {got!r:.400}")
        self.result.bursts += 1

    def look(self) -> None:
        """Measure the processes, once old workers have gone."""
        deadline = time.monotonic() + SETTLE_S * 10
        time.sleep(VERIFIED_S if self._swap else SETTLE_S)
        while (zombies := _zombies(self._appliance.process.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if zombies:
            self.result.failures.append(f"zombies after {self.result.edits} edits: {zombies}")
        pids = tree(self._appliance.process.pid)
        self.result.supervisor.append(held(pids[0]))
        self.result.tree.append(sum(map(_pss_kib, pids)))
        self.result.processes.append(len(pids))

    def _ask(self) -> tuple[int, str]:
        try:
            response, body = self._appliance.get(Accept="application/json")
        except (OSError, HTTPException) as error:
            self.result.failures.append(f"after {self.result.edits} edits: {error!r}")
            return 0, ""
        return response.status, body.decode() if response.status == 200 else ""

    def _ask_until(self, wanted: tuple[int, str]) -> tuple[int, str]:
        deadline = time.monotonic() + PATIENCE_S
        while (got := self._ask()) != wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        return got

    def end(self) -> Result:
        """Judge."""
        result = self.result
        code = self._appliance.stop()
        if code:
            result.failures.append(f"the appliance ended with {code}")
        result.kinds = dict(self._kinds)
        events = self._appliance.events
        result.hows = dict(Counter(each["how"] for each in events if each["event"] == "reload.finished"))
        reasons = Counter(each.get("reason", "") for each in events if each["event"] == "reload.finished")
        result.reasons = dict(reasons.most_common(MOST_REASONS))
        wanted = SERVED.get(self._swap, "")
        if result.hows.get(wanted, 0) < SHARE * result.edits and wanted:
            result.failures.append(f"too few of {result.edits} edits are {wanted}: {result.hows}")
        wrong = [each for each in events if each["event"] in {"reload.mismatch", "supervisor.failed"}]
        result.failures += [f"{each['event']}: {each}" for each in wrong]
        result.served_s = {kind: round(sorted(each)[len(each) // 2], 4) for kind, each in self._times.items()}
        if result.supervisor:
            self._judge_processes()
        return result

    def _judge_processes(self) -> None:
        """Samples of as many processes as there ever are compare: a preloader or a stand-in comes when needed."""
        result = self.result
        most = max(result.processes)
        alike = [number for number, count in enumerate(result.processes) if count == most]
        supervisor = [result.supervisor[number] for number in alike]
        whole = [Held(0, 0, result.tree[number]) for number in alike]
        result.failures += differences(supervisor, spare_threads=0, spare_kib=SPARE_KIB)
        result.failures += [f"all processes: {each}" for each in differences(whole, spare_threads=0, spare_kib=8_000)]
        if most > MOST_PROCESSES + (MOST_SNAPSHOTS if self._swap else 0):
            result.failures.append(f"processes: {result.processes}")


def _zombies(root: int) -> list[int]:
    found = []
    for pid in tree(root):
        try:
            state = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state == "Z":
            found.append(pid)
    return found


def _pss_kib(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def work(*, edits: int, bursts: int, seed: int, looks: int, swap: str = "") -> Result:
    """One day; what it has shown.

    Args:
        edits: how many.
        bursts: how many, after these.
        seed: decides what is edited.
        looks: how often the processes are looked at.
        swap: "" for none; "mixed": most edits are inside functions; "body": all are, "top": none is.
    """
    swapped = {"APPLIANCE_SWAP": "on", "APPLIANCE_INSTALL": "off", "VIRTUAL_ENV": python()} if swap else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        only = swap if swap in SERVED else ""
        project = EditedProject(folder / "project", random.Random(seed), functions=bool(swap), only=only)
        appliance = Appliance(project.root, folder / "cache", folder / "status.sock", {**SETTINGS, **swapped})
        try:
            appliance.wait_for("worker.ready")
            _ = appliance.port
            day = Day(appliance, project, seed, swap=swap)
            day.stumble()
            day.prepare(only)
            every = max(1, edits // looks)
            for number in range(1, edits + 1):
                day.edit(number)
                if number % every == 0:
                    project.repair()
                    day.edit(number)
                    day.look()
                if len(day.result.failures) > 20:
                    break
            project.repair()
            for _ in range(bursts):
                day.burst()
            return day.end()
        finally:
            appliance.close()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=2000)
    parser.add_argument("--bursts", type=int, default=50, help="of 20 saves of equal length in a second")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--looks", type=int, default=20, help="how often the processes are looked at")
    parser.add_argument(
        "--swap",
        nargs="?",
        const="mixed",
        default="",
        choices=["mixed", *SERVED],
        help="APPLIANCE_SWAP=on, and edits inside functions, most of them (mixed), all (body) or none (top)",
    )
    arguments = parser.parse_args()
    sys.stderr.write(f"seed {arguments.seed}, {arguments.edits} edits\n")
    result = work(**vars(arguments))
    tell(result)
    return bool(result.failures)


if __name__ == "__main__":
    raise SystemExit(main())
