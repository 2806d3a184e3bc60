"""Requests a second, ours and the peers', in one run: ``python -m benchmarks.throughput`` (``make bench``).

The server has one CPU, wrk another. Every server is measured in every round, and the median of its rounds counts, so
that what else the machine does meets all alike. Writes ``results/throughput.json``; ``benchmarks.document`` makes the
page of it.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.load import SCENARIOS, Measured, Scenario, generator, measure
from benchmarks.peers import APPS, Server, servers
from benchmarks.processes import cpu_s, free_port, running, tree
from benchmarks.results import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

_WARM_S = 1
_SETTLE_S = 4  # after the start: a preloader is made then


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, keep the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    parser.add_argument("--seconds", type=int, default=4, help="for how long each time (default: 4)")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="servers or scenarios, by their keys")
    parser.add_argument("--no-result", action="store_true", help="print only; keep the last result")
    options = parser.parse_args(argv)
    chosen = [server for server in servers() if _is_chosen(server.key, options.only, _server_keys())]
    scenarios = [scenario for scenario in SCENARIOS if _is_chosen(scenario.key, options.only, _scenario_keys())]
    generator()
    result = _run(chosen, scenarios, rounds=options.rounds, seconds=options.seconds)
    print(table(result))
    if not options.no_result:
        keep("throughput", result)


def _server_keys() -> frozenset[str]:
    return frozenset(server.key for server in servers())


def _scenario_keys() -> frozenset[str]:
    return frozenset(scenario.key for scenario in SCENARIOS)


def _is_chosen(key: str, only: list[str], kind: frozenset[str]) -> bool:
    wanted = kind.intersection(only)
    return not wanted or key in wanted


def _run(chosen: list[Server], scenarios: list[Scenario], *, rounds: int, seconds: int) -> dict[str, Any]:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("Found one CPU; expected two, for the load must not take the server's.")
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    for number in range(rounds):
        for server in chosen:
            print(f"Round {number + 1} of {rounds}: {server.title}", file=sys.stderr)
            wanted = [each for each in scenarios if not server.scenarios or each.key in server.scenarios]
            for scenario, seen in _measure(server, wanted, seconds=seconds, cpus=cpus):
                figures.setdefault(scenario.key, {}).setdefault(server.key, []).append(seen)
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cpus": len(cpus),
        "rounds": rounds,
        "seconds": seconds,
        "servers": {server.key: {"title": server.title, "logs": server.logs, "pure": server.pure} for server in chosen},
        "scenarios": {
            scenario.key: {
                "title": scenario.title,
                "figures": {key: _median(seen) for key, seen in figures.get(scenario.key, {}).items()},
            }
            for scenario in scenarios
        },
    }


def _measure(
    server: Server, scenarios: list[Scenario], *, seconds: int, cpus: list[int]
) -> Iterator[tuple[Scenario, dict[str, float]]]:
    port = free_port()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251  a program of its own
            "HOME": str(scratch),
            "PYTHONPATH": str(APPS),
            "APPLIANCE_CACHE": str(scratch / "cache"),
        }
        argv = [part.replace("{port}", str(port)) for part in server.argv]
        pid = stack.enter_context(
            running(argv, port, cpus={cpus[0]}, folder=APPS, output=scratch / "log", environment=environment)
        )
        if server.apart:
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {cpus[1]})
        time.sleep(_SETTLE_S)  # noqa: TID251  no server says that it has nothing left to prepare
        for scenario in scenarios:
            yield scenario, _load(pid, port, scenario, seconds=seconds, cpu=cpus[1], scripts=scratch)


def _load(pid: int, port: int, scenario: Scenario, *, seconds: int, cpu: int, scripts: Path) -> dict[str, float]:
    measure(port, scenario, seconds=_WARM_S, cpus={cpu}, scripts=scripts)
    before = cpu_s(tree(pid))
    seen: Measured = measure(port, scenario, seconds=seconds, cpus={cpu}, scripts=scripts)
    spent = cpu_s(tree(pid)) - before
    return {
        "rate": seen.rate,
        "p99_s": seen.p99_s,
        "failed": seen.failed,
        "cpu_us": spent / max(1.0, seen.rate * seconds) * 1e6,
    }


def _median(seen: list[dict[str, float]]) -> dict[str, float]:
    middle = {key: statistics.median(one[key] for one in seen) for key in ("rate", "p99_s", "cpu_us")}
    return {**middle, "failed": sum(one["failed"] for one in seen)}


def table(result: dict[str, Any]) -> str:
    """The result as Markdown: one table a scenario, the fastest first, each against ours."""
    parts = []
    for scenario in result["scenarios"].values():
        figures = scenario["figures"]
        ours = figures.get("appliance", {}).get("rate")
        lines = [
            f"### {scenario['title']}",
            "",
            "| server | requests/s | ours is | p99, ms | CPU a request, µs | failed |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for key, seen in sorted(figures.items(), key=lambda item: -item[1]["rate"]):
            against = f"{ours / seen['rate']:.2f} times" if ours and seen["rate"] else ""
            lines.append(
                f"| {result['servers'][key]['title']} | {seen['rate']:,.0f} | {against} | {seen['p99_s'] * 1000:.1f} "
                f"| {seen['cpu_us']:.0f} | {seen['failed']:.0f} |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
