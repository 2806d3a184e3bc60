"""``python -m tests.swaps.saves``: swap thousands of random saves, import each afresh, and compare the states.

For each source a fork of this process plays the snapshot: it imports the source under a monitor. Each save that is then
swapped gets two forks more: one of the snapshot, which swaps, and one of this process, which imports the new source.
Their states must be equal, to the line (``state``), and what their functions answer. The standard library alone: it
runs on each Python that swaps.
"""

from __future__ import annotations

import argparse
import gc
import importlib.machinery
import os
import pickle
import random
import re
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

from appliance.worker.snapshot import body_swap, code_bodies, code_difference
from appliance.worker.snapshot.body_swap import Swaps
from appliance.worker.snapshot.import_monitor import ImportMonitor

from .mutator import Mutator
from .sources import Source, files, hazards, packages, standard
from .state import State, called

# The checks that a swap must not leave out, each with its replacement.
CARELESS: dict[str, tuple[Any, str, Any]] = {
    "ran": (ImportMonitor, "ran", lambda _self, _code: False),
    "objections": (Swaps, "_objections", lambda *_: iter(())),
    "blocked": (Swaps, "_block", lambda *_: None),
    "classes": (body_swap, "_classes", lambda *_: iter(())),
    "outside": (code_difference, "_seen_from_outside", lambda *_: ""),
    "constants": (code_bodies, "same_constant", lambda one, other: bool(one == other)),
    "lines": (code_difference, "same_lines", lambda *_: True),
}


class Loading:
    """Loads own files from texts that were read before, and keeps their code."""

    def __init__(self, source: Source) -> None:
        self.folder = f"{source.folder}/"
        self.texts = {str(path): path.read_text(encoding="utf-8") for path in sorted(Path(source.folder).rglob("*.py"))}
        self.codes: dict[str, CodeType] = {}

    def is_project_path(self, path: str) -> bool:
        return path.startswith(self.folder)

    def begin(self) -> None:
        """Load own files this way from now on."""
        kind: Any = importlib.machinery.SourceFileLoader
        original = kind.get_code

        def get_code(loader: Any, name: str) -> CodeType:
            if loader.path not in self.texts:
                code: CodeType = original(loader, name)
                return code
            self.codes[loader.path] = compiled(self.texts[loader.path], loader.path)
            return self.codes[loader.path]

        kind.get_code = get_code

    def lines(self, source: Source) -> list[str]:
        """The state of the own modules."""
        state = State(self.is_project_path)
        modules = {
            name: module
            for name, module in list(sys.modules.items())
            if isinstance(file := getattr(module, "__dict__", {}).get("__file__"), str) and self.is_project_path(file)
        }
        for name, module in sorted(modules.items()):
            state.add(f"module {name}", dict(state._names(vars(module))))
        for _, module in sorted(modules.items()) if source.calls else ():
            called(state, module, self.is_project_path)
        return state.lines


def compiled(text: str, path: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text.encode(errors="surrogateescape"), path, "exec", dont_inherit=True)


def forked(work: Callable[[], Any], limit: int = 20) -> Any:
    """Return the result of a function in a fork of this process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.alarm(limit)
            os.close(read)
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  whatever the new source raises
                result = f"{type(error).__name__}: {error}"
            with os.fdopen(write, "wb") as pipe:
                pickle.dump(result, pipe)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else "killed"


def silent() -> None:
    nowhere = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.stdout = sys.stderr = os.fdopen(1, "w", closefd=False)
    warnings.simplefilter("ignore")


def snapshot(source: Source, saves: list[tuple[str, str, str]]) -> list[Any]:
    """Import the source; for each save, the objection, or the lines of the state after the swap."""
    silent()
    loading = Loading(source)
    monitor = ImportMonitor(loading.is_project_path)
    loading.begin()
    gc.freeze()
    monitor.begin()
    exec(source.statements, {})
    monitor.end()
    swaps = Swaps(loading.codes, monitor)
    results: list[Any] = []
    for path, text, _ in saves:
        if path not in loading.codes:
            results.append("not imported")
            continue
        try:
            code = compiled(text, path)
        except (SyntaxError, ValueError):
            results.append("syntax")
            continue
        objection = swaps.objection(path, code)
        if objection:
            results.append(objection)
            continue

        def swapped(path: str = path, code: CodeType = code) -> list[str]:
            swaps.apply(path, code)
            return loading.lines(source)

        results.append([forked(swapped)])
    return results


def fresh(source: Source, path: str, text: str) -> list[str]:
    """Import the source with one file's new text; the lines of its state."""
    silent()
    loading = Loading(source)
    loading.texts[path] = text
    loading.begin()
    exec(source.statements, {})
    return loading.lines(source)


def examine(source: Source, number: random.Random, counts: Counter[str], reasons: Counter[str]) -> list[str]:
    """Make the saves of one source; the differences that were found."""
    saves = []
    candidates = files(source)
    for _ in range(source.saves):
        file = number.choice(candidates)
        try:
            saves.append((str(file), *Mutator(file.read_text(encoding="utf-8"), number).mutate()))
        except (SyntaxError, IndexError):
            continue
    results = forked(lambda: snapshot(source, saves), limit=600)
    if isinstance(results, str):
        counts["sources that can't be imported"] += 1
        reasons[f"{source.name}: {results[:100]}"] += 1
        return []
    differences = []
    for (path, text, edits), result in zip(saves, results, strict=True):
        if isinstance(result, str):
            counts["no save" if result in {"syntax", "not imported"} else "refused"] += 1
            reasons[re.sub(r"\b(?:[Ll]ine )?\d+|(?<=class )\S+|\S+(?= changed| is | uses| ran)", "…", result)] += 1
            continue
        counts["swapped"] += 1
        (swapped,) = result
        if swapped == "killed":  # a call that never ends
            counts["without an end"] += 1
            continue
        imported = forked(lambda path=path, text=text: fresh(source, path, text))  # type: ignore[misc]
        if swapped != imported or isinstance(swapped, str):
            differences.append(described(source, path, edits, text, swapped, imported))
    return differences


def described(source: Source, path: str, edits: str, text: str, swapped: Any, imported: Any) -> str:
    """The words for a difference; the source is written beside it."""
    place = Path(tempfile.mkdtemp(prefix="difference-"))
    (place / "new.py").write_text(text, encoding="utf-8", errors="surrogateescape")
    (place / "old.py").write_text(Path(path).read_text(encoding="utf-8"), encoding="utf-8")
    lines = [f"{source.name}: {edits} ({place})"]
    if isinstance(swapped, str) or isinstance(imported, str):
        return f"{lines[0]}\n  swapped: {str(swapped)[:300]}\n  imported: {str(imported)[:300]}"
    for name, each in (("swapped", swapped), ("imported", imported)):
        (place / name).write_text("\n".join(each), encoding="utf-8", errors="surrogateescape")
    for one, other in zip(swapped, imported, strict=False):
        if one != other:
            lines += _apart(one, other)
            break
    return "\n".join(lines)


def _apart(one: str, other: str) -> list[str]:
    """The first place where two lines differ, with what is before it."""
    index = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    begin = max(0, index - 150)
    return [f"  swapped:  …{one[begin : index + 150]}", f"  imported: …{other[begin : index + 150]}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=200, help="saves in all, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sources", default="hazards,standard")
    parser.add_argument("--packages", default="", help="a folder of installed packages")
    parser.add_argument(
        "--careless", default="", choices=["", *CARELESS], help="leave a check out: differences are found"
    )
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    if options.careless:
        setattr(*CARELESS[options.careless])
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    differences: list[str] = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        sources = []
        if "hazards" in options.sources:
            sources += hazards(root, 1)
        if "standard" in options.sources:
            sources += standard(root, 1)
        if options.packages:
            sources += packages(options.packages, 1)
        sources = [source for source in sources if options.only in source.name]
        if len(sources) > options.saves:
            sources = random.Random(options.seed).sample(sources, options.saves)
        gc.collect()
        gc.freeze()
        each = max(1, -(-options.saves // len(sources)))  # rounded up
        for index, source in enumerate(sources):
            number = random.Random(f"{options.seed} {index}")
            left = each
            while left > 0:
                now = min(left, 50)
                differences += examine(source._replace(saves=now), number, counts, reasons)
                left -= now
    lines = [f"{count:6} {reason}" for reason, count in reasons.most_common(40)]
    seconds = time.monotonic() - begin
    title = f"Python {sys.version.split()[0]}, seed {options.seed}, {len(sources)} sources, {seconds:.0f} s"
    lines += [*differences[:30], f"{title}: {dict(counts)}, {len(differences)} differences"]
    sys.stdout.write("\n".join(lines) + "\n")
    return bool(differences) or not counts["swapped"]


if __name__ == "__main__":
    raise SystemExit(main())
