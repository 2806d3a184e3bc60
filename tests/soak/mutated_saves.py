"""Save a project again and again, changed at random, and compare what is served with a cold start each time.

``python -m tests.soak.mutated_saves --saves 10000``. One appliance with APPLIANCE_SWAP=on serves ``tests/apps/mutated``
and copies of modules of the standard library. After each save every route is asked, among them one that answers with
the fingerprint of all modules; a process that has no part of the appliance imports the same files and answers too.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import releases
from tests.live.live_appliance import Appliance
from tests.soak.source_mutations import mutate

APP = Path(__file__).parents[1] / "apps" / "mutated"
REPOSITORY = Path(__file__).parents[2]
ROUTES = ("/", "/failures", "/sources", "/state")
PYTHON = "3.13"
_ENDS = ("reload.finished", "worker.failed")
_SETTLE_S = 2.5  # for another image, and for its comparison with the swaps


@dataclass
class Outcome:
    """What the saves of a run have come to."""

    saves: int = 0
    compared: int = 0
    how: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    swapped_kinds: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    mismatches: list[dict[str, Any]] = field(default_factory=list)


def write_project(folder: Path, python: str) -> None:
    """Write the project, with the modules that it copies."""
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "exercises.py").read_text()
    names = text[text.index("    for name in (") : text.index("    )\n]")].split('"')[1::2]
    library = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('stdlib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for name in names:
        source = (Path(library) / f"{name}.py").read_bytes().decode("utf-8")
        (folder / f"lib_{name}.py").write_text(source.encode("ascii", "backslashreplace").decode())


class MutatedProject:
    """The project, the appliance that serves it, and the process that starts it cold."""

    def __init__(self, folder: Path, seed: int, version: str = PYTHON) -> None:
        self._chance = random.Random(seed)
        self._folder = folder / "project"
        python = releases.interpreter(version)
        write_project(self._folder, python)
        self._good = {file.name: file.read_text() for file in sorted(self._folder.glob("*.py"))}
        # Not those whose grammar is newer than this Python, and not those that ask the others.
        self._mutable = [
            name for name in self._good if name not in {"app.py", "exercises.py"} and self._is_parsed(name)
        ]
        settings = {"APPLIANCE_SWAP": "on", "APPLIANCE_PYTHON": python, "APPLIANCE_INSTALL": "off"}
        self.appliance = Appliance(self._folder, folder / "cache", folder / "status", settings)
        self._reference = subprocess.Popen(
            [python, str(Path(__file__).with_name("import_reference.py")), str(REPOSITORY), str(self._folder), *ROUTES],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.outcome = Outcome()
        self._was_swapped = False
        self.appliance.wait_for("worker.ready")

    def _is_parsed(self, name: str) -> bool:
        try:
            ast.parse(self._good[name])
        except SyntaxError:
            return False
        return True

    def close(self) -> None:
        """End both."""
        self.appliance.stop()
        self.appliance.close()
        self._reference.kill()
        self._reference.communicate()

    def step(self) -> None:
        """Change one file, or two, and compare; a change that fails is taken back."""
        changes = {}
        kinds = []
        for name in self._chance.sample(self._names(), 2 if self._chance.random() < 0.05 else 1):
            text = self._good[name]
            for _ in range(self._chance.choice([1, 1, 1, 2])):
                kind, text = mutate(text, self._chance)
                kinds.append(kind)
            changes[name] = text
        self._save(changes)
        expected = self._cold()
        end = self._served()
        if "error" in expected or end is None:
            self._save({name: self._good[name] for name in changes})
            self._served()
            return
        self._good.update(changes)
        self._compare(expected, kinds, end)
        if self._chance.random() < 0.15:
            time.sleep(_SETTLE_S)

    def _pause(self) -> None:
        """Let the appliance make an image, as between a person's saves; or save at once; or in the midst of that."""
        if self._was_swapped and self._chance.random() < 0.8:
            return  # the next save is swapped from the same image
        time.sleep(self._chance.choices([0.0, 0.3, 0.8, _SETTLE_S], [1, 1, 1, 12])[0])

    def _note(self, event: dict[str, Any]) -> None:
        if event["event"] == "reload.mismatch":
            self.outcome.mismatches.append(event)

    def _names(self) -> list[str]:
        """The files that may change; those that have features more often than the copies."""
        own = [name for name in self._mutable if not name.startswith("lib_")]
        library = [name for name in self._mutable if name.startswith("lib_")]
        return self._chance.choice([own, own, library])

    def _save(self, changes: dict[str, str]) -> None:
        self.outcome.saves += 1
        for name, text in changes.items():
            self.appliance.edit(name, text)

    def _cold(self) -> dict[str, Any]:
        assert self._reference.stdin is not None
        assert self._reference.stdout is not None
        self._reference.stdin.write("\n")
        self._reference.stdin.flush()
        answer: dict[str, Any] = json.loads(self._reference.stdout.readline())
        return answer

    def _served(self) -> dict[str, Any] | None:
        """The event of the reload; None if the project failed."""
        while True:
            event = self.appliance.next_event("reload.finished")
            self._note(event)
            if event["event"] in _ENDS:
                return event if event["event"] == "reload.finished" else None

    def _compare(self, expected: dict[str, Any], kinds: list[str], end: dict[str, Any]) -> None:
        answers = {route: json.loads(self.appliance.get(route)[1]) for route in ROUTES}
        how = str(end.get("how", ""))
        self._was_swapped = how == "swapped"
        self.outcome.compared += 1
        self.outcome.how[how] += 1
        self.outcome.kinds.update(kinds)
        if how == "swapped":
            self.outcome.swapped_kinds.update(kinds)
        elif reason := end.get("reason"):
            self.outcome.reasons[str(reason)[:60]] += 1
        if answers != expected:
            self.outcome.differences.append({"how": how, "kinds": kinds, "names": _differing(answers, expected)})


def _differing(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            text for key in sorted({*one, *other}) for text in _differing(one.get(key), other.get(key), f"{path} {key}")
        ]
    return [] if one == other else [f"{path}: {one!r:.200} is not {other!r:.200}"]


def main(argv: list[str] | None = None) -> int:
    """Run, print what was seen, and return 1 if a state was another than a cold start's."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.mutated_saves", description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=0.0, help="end after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--python", default=PYTHON, help="the version of the project's Python")
    options = parser.parse_args(argv)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = MutatedProject(Path(folder), options.seed, options.python)
        try:
            while project.outcome.saves < options.saves and not _is_over(began, options.seconds):
                project.step()
        finally:
            project.close()
            _print(project.outcome, time.monotonic() - began)
    return 1 if project.outcome.differences or project.outcome.mismatches else 0


def _is_over(began: float, seconds: float) -> bool:
    return bool(seconds) and time.monotonic() > began + seconds


def _print(outcome: Outcome, took_s: float) -> None:
    lines = [
        f"{outcome.saves} saves in {took_s:.0f} s, {outcome.compared} compared: {dict(outcome.how)}",
        f"differences: {len(outcome.differences)}, mismatches reported: {len(outcome.mismatches)}",
        *(f"  {json.dumps(each)[:2000]}" for each in [*outcome.differences[:20], *outcome.mismatches[:20]]),
        "kinds of changes, and how many of them were swapped:",
        *(f"  {count:6} {outcome.swapped_kinds[kind]:6}  {kind}" for kind, count in outcome.kinds.most_common()),
        "reasons against a swap:",
        *(f"  {count:6}  {reason}" for reason, count in outcome.reasons.most_common(40)),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
