"""What the desk's recorder costs a request: ``python -m benchmarks.recorder``, in less than two minutes.

Two appliances serve the same application, one with ``APPLIANCE_RECORD=on``, one without. They are loaded in turn, in an
order that changes with each round, so that what else the machine does meets both alike. The appliance has one CPU, wrk
another. The rate of each pair is compared; the CPU time of each process says where a difference comes from. At the end
one more load shows whether the supervisor and the recorder have grown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.desk.facts.process_list import memory
from benchmarks.load import SCENARIOS, generator, measure
from benchmarks.peers import APPS, THREADS
from benchmarks.processes import cpu_s, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTLE_S = 3  # after the start: a preloader is made then
_REST_S = 1  # after each load: the recorder stores what is left
_MODES = ("on", "off")
_MIB = 1024 * 1024


@dataclass
class Measured:
    """One appliance, and what was seen of it.

    Attributes:
        port: that it serves on.
        pids: of its processes, by their roles.
        rates: requests a second, one for each round.
        cpu: seconds of CPU time under load, by role.
    """

    port: int
    pids: dict[str, int]
    rates: list[float]
    cpu: dict[str, float]

    def load(self, seconds: int, cpus: set[int], scripts: Path) -> None:
        """Load it once."""
        before = self._spent()
        self.rates.append(measure(self.port, SCENARIOS[0], seconds=seconds, cpus=cpus, scripts=scripts).rate)
        for role, spent in self._spent().items():
            self.cpu[role] = self.cpu.get(role, 0.0) + spent - before[role]
        time.sleep(_REST_S)  # noqa: TID251  the recorder does not say that it has nothing left

    def _spent(self) -> dict[str, float]:
        return {role: cpu_s([pid]) for role, pid in self.pids.items()}

    def used(self) -> dict[str, float]:
        """What the two processes that see every request need, in MiB."""
        shown = {role: memory(pid)["pss"] for role, pid in self.pids.items() if role in {"supervisor", "recorder"}}
        return {role: (use or 0) / _MIB for role, use in shown.items()}


def main(argv: list[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recorder", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6, help="how often each is measured (default: 6)")
    parser.add_argument("--seconds", type=int, default=8, help="for how long each time (default: 8)")
    options = parser.parse_args(argv)
    generator()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("Found one CPU; expected two, for the load must not take the server's.")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measured = {mode: stack.enter_context(_appliance(mode, scratch, cpus[0])) for mode in _MODES}
        for number in range(options.rounds):
            for mode in _MODES if number % 2 else _MODES[::-1]:
                print(f"Round {number + 1} of {options.rounds}: {mode}", file=sys.stderr)
                measured[mode].load(options.seconds, {cpus[1]}, scratch)
            if number == 0:
                first = measured["on"].used()
        print(text(measured, options.seconds, first, measured["on"].used()))


@contextmanager
def _appliance(mode: str, scratch: Path, cpu: int) -> Iterator[Measured]:
    port, status = free_port(), scratch / f"{mode}.sock"
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251  a program of its own
        "HOME": str(scratch),
        "APPLIANCE_CACHE": str(scratch / mode),
        "APPLIANCE_STATUS_SOCKET": str(status),
        "APPLIANCE_RECORD": mode,
        "APPLIANCE_PROJECT": str(APPS),
    }
    program = [sys.executable, "-I", "-m", "appliance"]
    serve = ["serve", "--app", "plain:app", "--port", str(port), "--log-format", "json", "--threads", str(THREADS)]
    log = scratch / f"{mode}.log"
    with running([*program, *serve], port, cpus={cpu}, folder=APPS, output=log, environment=environment) as pid:
        time.sleep(_SETTLE_S)  # noqa: TID251  as above
        said = subprocess.run([*program, "status", "--json"], env=environment, capture_output=True, check=True).stdout
        pids = {each["role"]: each["pid"] for each in json.loads(said)["processes"]}
        yield Measured(port, {"supervisor": pid, **pids}, [], {})


def text(measured: dict[str, Measured], seconds: int, first: dict[str, float], last: dict[str, float]) -> str:
    """Return the result for people: the rates, their ratio, the CPU time of each process, and the memory."""
    on, off = measured["on"], measured["off"]
    ratios = sorted(one / other for one, other in zip(on.rates, off.rates, strict=True))
    lines = [f"{'':<12}{'requests/s':>12}{'CPU of a request, by process, in µs':>40}"]
    for mode, each in measured.items():
        requests = sum(each.rates) * seconds
        cpu = ", ".join(f"{role} {spent / requests * 1e6:.1f}" for role, spent in each.cpu.items() if spent)
        lines.append(f"record {mode:<5}{statistics.median(each.rates):>12.0f}     {cpu}")
    middle, quarter = statistics.median(ratios), len(ratios) // 4
    spread = f"the middle half from {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}"
    lines.append(f"The rate with the recorder is {middle:.3f} of the rate without; {spread}, {len(ratios)} rounds.")
    total = sum(on.rates) * seconds
    grown = ", ".join(f"{role} {first[role]:.1f} to {use:.1f} MiB" for role, use in last.items())
    lines.append(f"Memory (PSS) after the first round and after {total:,.0f} requests: {grown}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
