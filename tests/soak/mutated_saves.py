"""Save projects again and again, changed at random, and compare what is served with a cold start each time.

``python -m tests.soak.mutated_saves --saves 10000``. Appliances with APPLIANCE_SWAP=on serve projects of
``tests/apps/mutated*``: plain WSGI, Flask and Django, with copies of modules of the standard library. Before most saves
the loop waits for a snapshot, so that they can be swapped. After each save every route is asked, among them one that
answers with the fingerprint of all modules; a process that has no part of the appliance imports the same files, and is
asked too (``cold_starts``).
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from typing import Any

from tests.live.live_appliance import Appliance, Event
from tests.soak.cold_starts import told
from tests.soak.mutated_project import KINDS, TAKEN_BACK, Files, interpreter_of

REPOSITORY = Path(__file__).parents[2]
PYTHON = "3.13"
SHARE = 0.3  # of the saves that are compared, those that are swapped, at least
_SNAPSHOT_S = 30.0  # for a snapshot; more than enough on a machine that has nothing else to do
_PATIENCE_S = 120.0  # for a reload
_AT_ONCE = 0.04  # of the saves: without a snapshot, or in the midst of its import
_VERIFIED = 0.1  # of the swaps: let the appliance compare them itself before the next save
_MOST_BROKEN = 2  # routes that fail without a word: a change that breaks more is taken back
_KEPT_EVENTS = 300
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass
class Outcome:
    """The results of the saves of a run."""

    saves: int = 0
    compared: int = 0
    how: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    swapped_kinds: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    mismatches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of swaps among the compared saves."""
        return self.how["swapped"] / max(1, self.compared)

    @property
    def is_good(self) -> bool:
        """Nothing differed."""
        return not (self.differences or self.mismatches)

    def add(self, other: Outcome) -> None:
        """Add the numbers of another run."""
        for each in fields(self):
            mine, others = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, Counter):
                mine.update(others)
            else:
                setattr(self, each.name, mine + others)


class Reloads:
    """The reloads of an appliance and of its snapshots, as far as they are in the log."""

    def __init__(self, appliance: Appliance, outcome: Outcome) -> None:
        self._appliance = appliance
        self._outcome = outcome
        self.snapshot = False  # the next save may be swapped

    def _next(self, until: float) -> Event | None:
        """The next event; None after this time."""
        try:
            event = self._appliance.next_event(within_s=max(0.0, until - time.monotonic()))
        except AssertionError:
            if self._appliance.process.poll() is not None:
                raise
            return None
        del self._appliance.events[50:-_KEPT_EVENTS]
        match event["event"]:
            case "snapshot.ready":
                self.snapshot = True
            case "reload.mismatch":
                self._outcome.mismatches.append(event)
                self.snapshot = False
            case "snapshot.ended" | "snapshot.refused" | "snapshot.unverified" | "preload.unfit" | "checkpoint.ended":
                words = event.get("reason") or event.get("how")
                self._outcome.notes[f"{event['event']}: {words}"[:100]] += 1
        return event

    def wait(self, names: Iterable[str], within_s: float) -> Event | None:
        """The next event of one of these names; None if there is none in time."""
        wanted, until = frozenset(names), time.monotonic() + within_s
        while (event := self._next(until)) is not None:
            if event["event"] in wanted:
                return event
        return None

    def wait_for_snapshot(self) -> None:
        """Wait until the next save may be swapped."""
        if not self.snapshot and self.wait(["snapshot.ready", "snapshot.refused"], _SNAPSHOT_S) is None:
            self._outcome.notes["there was no snapshot in time"] += 1

    def wait_for_comparison(self) -> None:
        """Wait until the appliance has compared its last swap with an import."""
        ends = ["reload.verified", "reload.mismatch", "snapshot.unverified", "snapshot.ready"]
        event = self.wait(ends, _SNAPSHOT_S)
        name = event["event"] if event else "no comparison in time"
        self._outcome.notes[name] += 1
        if name == "reload.mismatch":
            self.wait(["reload.finished"], _PATIENCE_S)

    def seen(self, files: Iterable[str]) -> None:
        """Wait until the reload of the last of these files has begun."""
        self.snapshot_before, self.snapshot = self.snapshot, False
        missing = set(files)
        while missing:
            event = self.wait(["reload.started"], _PATIENCE_S)
            assert event is not None, f"no reload for {missing}"
            missing.difference_update(event.get("files", ()))  # a worker is replaced for no file

    def end(self) -> Event:
        """The end of the reload that has begun."""
        event = self.wait(["reload.finished", "worker.failed"], _PATIENCE_S)
        assert event is not None, "the reload did not end"
        if event.get("how") == "swapped":
            self.snapshot = True
        return event


class ColdStarts:
    """The process that starts the project cold, as often as it is asked to."""

    def __init__(self, files: Files) -> None:
        program = str(Path(__file__).with_name("cold_starts.py"))
        self._process = subprocess.Popen(
            [files.python, "-P", program, str(REPOSITORY), str(files.folder), *files.kind.all_routes],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def ask(self) -> None:
        """Begin a start."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return the answer of the process."""
        assert self._process.stdout is not None
        answer = _parsed(self._process.stdout.readline())
        return {key: answer[key] for key in answer if key not in {"library", "packages"}}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


class MutatedProject:
    """One project, the appliance that serves it, and the process that starts it cold."""

    def __init__(self, folder: Path, seed: int, kind: str = "plain", version: str = PYTHON) -> None:
        self._chance = random.Random(seed)
        self.files = Files(folder / "project", kind, self._chance, version)
        settings = {"APPLIANCE_SWAP": "on", "APPLIANCE_APP": "app:application", "APPLIANCE_INSTALL": "off"}
        settings.update(self.files.settings)
        self.appliance = Appliance(self.files.folder, folder / "cache", folder / "status", settings)
        self._cold = ColdStarts(self.files)
        self.outcome = Outcome()
        self._reloads = Reloads(self.appliance, self.outcome)
        self._was_swapped, self._is_served = False, True
        self.appliance.wait_for("worker.ready", within_s=_PATIENCE_S)
        self._port = self.appliance.port

    def close(self) -> None:
        """End both."""
        self.appliance.stop()
        self.appliance.close()
        self._cold.close()

    def step(self) -> None:
        """Change one file, or two, and compare; a change that fails is taken back, which is a save too."""
        changes, kinds = self.files.change()
        if self._save(changes, kinds):
            self.files.good.update(changes)
        else:
            self._save({name: self.files.good[name] for name in changes}, [TAKEN_BACK])

    def _save(self, changes: dict[str, str], kinds: list[str]) -> bool:
        """Save, and compare with a cold start; whether the project is served."""
        if self._is_served and self._chance.random() >= _AT_ONCE:
            self._reloads.wait_for_snapshot()
        for name, text in changes.items():
            self.appliance.edit(name, text)
        self.outcome.saves += 1
        self._cold.ask()
        self._reloads.seen(changes)
        expected = self._cold.answer()
        if "ended" in expected:
            self.outcome.notes[f"not compared: {expected['ended']}"] += 1
            self._is_served = False
            return False
        end = self._reloads.end()
        served = {"failed": end["type"]} if end["event"] == "worker.failed" else {"routes": self._answers()}
        self._count(end, kinds)
        if served != expected:
            self._note_difference(served, expected, end, changes)
        if self._was_swapped and self._chance.random() < _VERIFIED:
            self._reloads.wait_for_comparison()
        self._is_served = "routes" in served
        return self._is_served and _tells(expected)

    def _answers(self) -> dict[str, Any]:
        found = {}
        with contextlib.closing(HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)) as connection:
            for route in self.files.kind.all_routes:
                connection.request("GET", route)
                response = connection.getresponse()
                found[route] = told(response.status, response.headers.get("content-type", ""), response.read())
        return _parsed(json.dumps(found))

    def _count(self, end: Event, kinds: Sequence[str]) -> None:
        how = str(end.get("how", "failed, as a cold start does"))
        self._was_swapped = how == "swapped"
        self.outcome.compared += 1
        self.outcome.how[how] += 1
        self.outcome.kinds.update(kinds)
        if self._was_swapped:
            self.outcome.swapped_kinds.update(kinds)
        elif reason := end.get("reason"):
            self.outcome.reasons[re.sub(r"\d+", "N", str(reason))[:80]] += 1

    def _note_difference(
        self, served: dict[str, Any], expected: dict[str, Any], end: Event, changes: dict[str, str]
    ) -> None:
        """Note the differences, unless two cold starts differ there as well."""
        self._cold.ask()
        unsteady = set(_differing(expected, self._cold.answer()))
        names = [f"{name}: {words}" for name, words in _differing(served, expected).items() if name not in unsteady]
        if not names:
            self.outcome.notes["two cold starts differ there too"] += 1
            return
        edits = [line for name, text in changes.items() for line in _edit(name, self.files.good[name], text)]
        facts = {key: end.get(key) for key in ("event", "how", "reason", "type", "message", "file", "line")}
        self.outcome.differences.append({**facts, "save": self.outcome.saves, "names": names[:20], "edits": edits})


def _tells(expected: dict[str, Any]) -> bool:
    """Whether the project still tells about itself: else nothing would be compared any more."""
    answers = expected.get("routes", {})
    broken = sum(answer == [500, ""] for answer in answers.values())
    return "routes" in expected and answers["/state"][0] == 200 and broken <= _MOST_BROKEN


def _parsed(text: str) -> dict[str, Any]:
    """Return an answer as an object, without addresses."""
    return dict(json.loads(_ADDRESS.sub("0x", text)))


def _edit(name: str, before: str, after: str) -> Iterable[str]:
    return difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, n=1, lineterm="")


def _differing(one: Any, other: Any, path: str = "") -> dict[str, str]:
    """The paths at which two answers differ, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        found: dict[str, str] = {}
        for key in sorted({*one, *other}):
            found.update(_differing(one.get(key), other.get(key), f"{path} {key}"))
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) == 2:
        return {**_differing(one[0], other[0], f"{path} 0"), **_differing(one[1], other[1], f"{path} 1")}
    return {} if one == other else {path: f"{one!r:.300} is not {other!r:.300}"}


def main(argv: list[str] | None = None) -> int:
    """Run, print what was seen, and return 1 if a state was another than a cold start's, or if few were swapped."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="python -m tests.soak.mutated_saves", description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=10_000, help="of all projects together")
    parser.add_argument("--seconds", type=float, default=0.0, help="end after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", nargs="+", default=[PYTHON], help="the versions of the projects' Python")
    parser.add_argument("--project", nargs="+", default=list(KINDS), choices=KINDS)
    options = parser.parse_args(argv)
    pairs = list(product(options.project, options.python))
    for kind, version in pairs:  # before anything runs: the results of hours would be lost with a missing Python
        interpreter_of(version, KINDS[kind])
    began = time.monotonic()
    with ThreadPoolExecutor(len(pairs)) as pool:
        runs = [pool.submit(_run, options, kind, version, options.saves / len(pairs)) for kind, version in pairs]
        outcomes = [run.result() for run in runs]
    total = Outcome()
    for (kind, version), outcome in zip(pairs, outcomes, strict=True):
        total.add(outcome)
        sys.stdout.write(f"{kind}, Python {version}: {_summary(outcome)}\n")
    _print(total, time.monotonic() - began)
    return 0 if total.is_good and total.share >= SHARE else 1


def _run(options: argparse.Namespace, kind: str, version: str, saves: float) -> Outcome:
    ends = time.monotonic() + options.seconds if options.seconds else float("inf")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = MutatedProject(Path(folder), options.seed, kind, version)
        try:
            while project.outcome.compared < saves and time.monotonic() < ends:
                project.step()
        finally:
            project.close()
        return project.outcome


def _summary(outcome: Outcome) -> str:
    return (
        f"{outcome.saves} saves, {outcome.compared} compared, {outcome.share:.0%} swapped: {dict(outcome.how)}, "
        f"{len(outcome.differences)} differences, {len(outcome.mismatches)} mismatches reported"
    )


def _print(outcome: Outcome, took_s: float) -> None:
    lines = [
        f"all, in {took_s:.0f} s: {_summary(outcome)}",
        *(f"  {json.dumps(each)[:4000]}" for each in [*outcome.differences[:20], *outcome.mismatches[:20]]),
        "kinds of changes, and how many of them were swapped:",
        *(f"  {count:6} {outcome.swapped_kinds[kind]:6}  {kind}" for kind, count in outcome.kinds.most_common()),
        "reasons against a swap:",
        *(f"  {count:6}  {reason}" for reason, count in outcome.reasons.most_common(40)),
        "what else was seen:",
        *(f"  {count:6}  {note}" for note, count in outcome.notes.most_common(20)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
