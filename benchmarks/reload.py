"""From a save to the first answer of the new code, ours and the peers', in one run: ``python -m benchmarks.reload``.

Every server is started on each project, saved into, and asked by a client that opens one connection after the other.
Some projects have one module, some 500. The saves change the top of a module, or the inside of a function. Some are
measured without a pause too: the first save follows the first answer of a first start, each next one 0.3 s later.
Memory and idle CPU of all of its processes are read beside. Writes ``results/reload.json``; ``benchmarks.document``
makes the page of it.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import python_of
from benchmarks.processes import cpu_s, free_port, running, tree
from benchmarks.reload_projects import PROJECT_LIST, Project
from benchmarks.reloaders import Reloader, reloaders
from benchmarks.results import keep
from benchmarks.saves import Met, ask_until, save

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTLE_S = 1.0  # after a start
_BUILD_S = 60.0  # for what the appliance builds in the background, once it has started
# Between two saves: over a second, since two saves of equal length within one are lost on every peer that trusts the
# interpreter's bytecode cache, which compares whole seconds and sizes.
_PAUSE_S = (1.05, 1.3)


@dataclass(frozen=True)
class Pace:
    """How many saves, and for how long idle CPU is read."""

    saves: int
    idle_s: float


def main(argv: list[str] | None = None) -> None:
    """Measure, print the tables, keep the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reload", description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=15, help="how many a server and project (default: 15)")
    parser.add_argument("--idle", type=float, default=10.0, metavar="SECONDS", help="to read idle CPU (default: 10)")
    parser.add_argument("--quick", action="store_true", help="3 saves, and 1.5 s of idling")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="servers or projects, by their keys")
    parser.add_argument("--python", default=sys.executable, help="the projects' Python; swaps need 3.12 or newer")
    parser.add_argument("--no-result", action="store_true", help="print only; keep the last result")
    options = parser.parse_args(argv)
    pace = Pace(3, 1.5) if options.quick else Pace(options.saves, options.idle)
    result: dict[str, Any] = {}
    for result in _results(options.only, pace, options.python):
        if not options.no_result:
            keep("reload", result)  # after each project: a run that is stopped after an hour loses one project
    print(table(result))


def _results(only: list[str], pace: Pace, python: str) -> Iterator[dict[str, Any]]:
    """The result of all projects so far, after each project."""
    servers = reloaders()
    projects = [each for each in PROJECT_LIST if _chosen(each.key, only, {one.key for one in PROJECT_LIST})]
    chosen = [each for each in servers if _chosen(each.key, only, {one.key for one in servers})]
    figures: dict[str, dict[str, Any]] = {}
    for project in projects:
        for server in chosen:
            if server.frameworks and project.framework not in server.frameworks:
                continue
            print(f"{project.title}: {server.title}", file=sys.stderr)
            try:
                figures.setdefault(project.key, {})[server.key] = _measure(server, project, pace, python)
            except RuntimeError as error:
                print(error, file=sys.stderr)
        yield {
            "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
            "python": subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout.split()[1],
            "cpus": len(os.sched_getaffinity(0)),
            "saves": pace.saves,
            "servers": {server.key: server.title for server in chosen},
            "projects": {
                each.key: {"title": each.title, "figures": figures[each.key]}
                for each in projects
                if each.key in figures
            },
        }


def _chosen(key: str, only: list[str], kind: set[str]) -> bool:
    wanted = kind.intersection(only)
    return not wanted or key in wanted


def _measure(server: Reloader, project: Project, pace: Pace, interpreter: str) -> dict[str, Any]:
    port = free_port()
    python = python_of(project.environment, interpreter)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        folder = scratch / "project"
        project.write(folder)
        (scratch / "wrapper.py").write_text(server.wrapper.format(target=project.target, port=port))
        stands = {
            "port": port,
            "target": project.target,
            "folder": folder,
            "wrapper": scratch / "wrapper.py",
            "python": python,
            "programs": python.parent,
        }
        cpus = os.sched_getaffinity(0)
        environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251  a program of its own
            "HOME": str(scratch),
            "PYTHONPATH": str(folder),
            "APPLIANCE_CACHE": str(scratch / "cache"),
            **dict(server.environment),
        }
        argv = [part.format(**stands) for part in server.argv]
        pid = stack.enter_context(
            running(argv, port, cpus=cpus, folder=folder, output=scratch / "log", environment=environment)
        )
        if project.every_s:
            met = _save_at_once(project, folder, port, pace)
            _wait_until(server.settled, scratch / "log")
            _pause(_SETTLE_S)
            idle = _idle_cpu(pid, pace)
        else:
            _wait_until(server.settled, scratch / "log")
            _pause(_SETTLE_S)
            idle = _idle_cpu(pid, pace)
            met = _save_and_ask(project, folder, port, pace)
            _pause(0.5)
        memory = _pss(tree(pid))
    served = sorted(met.served_s)
    return {
        "median_s": statistics.median(served) if served else None,
        "p95_s": _p95(served),
        "served_s": [round(each, 5) for each in met.served_s],
        **{name: getattr(met, name) for name in ("missed", "refused", "cut", "failed", "stale")},
        "idle_cpu": idle,
        "memory_mib": memory / 2**20,
    }


def _wait_until(settled: str, log: Path) -> None:
    deadline = time.monotonic() + _BUILD_S
    while f'"{settled}"' not in log.read_text(errors="replace") and settled and time.monotonic() < deadline:
        _pause(0.1)


def _idle_cpu(pid: int, pace: Pace) -> float:
    before = cpu_s(tree(pid))
    _pause(pace.idle_s)
    return (cpu_s(tree(pid)) - before) / pace.idle_s


def _save_and_ask(project: Project, folder: Path, port: int, pace: Pace) -> Met:
    """Saves with a pause of a person's length between them; the first, which finds everything cold, does not count."""
    chance = random.Random(1)
    file = folder / project.edited
    ask_until(port, 1, save(file, 1, inside=project.inside), Met())
    met = Met()
    for version in range(2, pace.saves + 2):
        _pause(chance.uniform(*_PAUSE_S))
        ask_until(port, version, save(file, version, inside=project.inside), met)
    return met


def _save_at_once(project: Project, folder: Path, port: int, pace: Pace) -> Met:
    """Saves from the first answer on, each of another length: a peer that trusts its bytecode cache sees them too."""
    ask_until(port, 0, time.monotonic(), Met())
    met = Met()
    due = time.monotonic() + project.every_s
    for version in range(1, pace.saves + 1):
        _pause(max(0.0, due - time.monotonic()))
        saved = save(folder / project.edited, version, longer=True, inside=project.inside)
        ask_until(port, version, saved, met)
        due = saved + project.every_s
    return met


def _p95(served: list[float]) -> float | None:
    return served[min(len(served) - 1, len(served) * 95 // 100)] if served else None


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}" if seconds < 0.02 else f"{seconds * 1000:.0f}"


def _pss(pids: list[int]) -> int:
    """Bytes of memory that these processes have, what they share being counted once (PSS, proc_pid_smaps(5))."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251  what a person does between two saves


def table(result: dict[str, Any]) -> str:
    """The result as Markdown: the medians of all, then one table a project."""
    parts = [medians(result)]
    for key, project in result["projects"].items():
        parts.append(f"### {project['title']}\n\n{rows(result, key)}")
    return "\n".join(parts)


def medians(result: dict[str, Any]) -> str:
    """The medians in milliseconds as Markdown: one line a project, one column a server."""
    titles = result["servers"]
    lines = ["| project | " + " | ".join(titles.values()) + " |", "|---|" + "---:|" * len(titles)]
    for project in result["projects"].values():
        figures = project["figures"]
        cells = (_median(figures[key]) if key in figures else "" for key in titles)
        lines.append(f"| {project['title']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _median(seen: dict[str, Any]) -> str:
    return "never" if seen["median_s"] is None else _ms(seen["median_s"])


def rows(result: dict[str, Any], project: str) -> str:
    """What was measured of one project as Markdown: the fastest server first, each against ours."""
    figures = result["projects"][project]["figures"]
    ours = figures.get("appliance", {}).get("median_s")
    lines = [
        "| server | median, ms | p95, ms | against ours | refused | cut | 5xx | stale | missed | MiB | idle CPU |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for key, seen in sorted(figures.items(), key=lambda item: float(item[1]["median_s"] or "inf")):
        against = f"{seen['median_s'] / ours:.1f} times" if ours and seen["median_s"] else ""
        met = " | ".join(str(seen[name]) for name in ("refused", "cut", "failed", "stale", "missed"))
        p95 = _p95(sorted(seen["served_s"]))
        lines.append(
            f"| {result['servers'][key]} | {_median(seen)} | {_ms(p95) if p95 else ''} | {against} "
            f"| {met} | {seen['memory_mib']:.0f} | {max(0.0, seen['idle_cpu']) * 100:.1f} % |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
