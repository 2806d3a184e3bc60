"""Load on a server, by wrk.

Owns how wrk is called and read. Knows nothing of which server it is.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s|m)\b")
_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_NOT_2XX = re.compile(r"Non-2xx or 3xx responses: (\d+)")


@dataclass(frozen=True)
class Scenario:
    """One kind of load.

    Attributes:
        key: its name in results.
        title: its name for readers.
        connections: how many at once.
        path: what is asked for.
        close: a new connection for each request.
        body: bytes that are sent with a POST; 0 for a GET.
    """

    key: str
    title: str
    connections: int = 32
    path: str = "/"
    close: bool = False
    body: int = 0


SCENARIOS = (
    Scenario("keep_alive", "Keep-alive, 32 connections"),
    Scenario("one", "Keep-alive, 1 connection", connections=1),
    Scenario("close", "A new connection for each request, 32 at once", close=True),
    Scenario("post", "POST of 10 KB, 32 connections", body=10_240),
    Scenario("mebibyte", "Response of 1 MiB, 8 connections", connections=8, path="/mebibyte"),
)


@dataclass(frozen=True)
class Measured:
    """What wrk saw: requests a second, the 99th percentile of latency in seconds, requests that failed."""

    rate: float
    p99_s: float
    failed: int


def generator() -> str:
    """The path of wrk.

    Raises:
        SystemExit: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("Found no program wrk; it makes the load. Install it (Debian, Ubuntu: apt install wrk).")
    return found


def measure(port: int, scenario: Scenario, *, seconds: int, cpus: set[int], scripts: Path) -> Measured:
    """Load the server on that port, from these CPUs.

    Raises:
        RuntimeError: wrk could not say.
    """
    argv = [generator(), "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency"]
    if scenario.close:
        argv += ["-H", "Connection: close"]
    if scenario.body:
        script = scripts / f"{scenario.key}.lua"
        script.write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {scenario.body})\n')
        argv += ["-s", str(script)]
    argv.append(f"http://127.0.0.1:{port}{scenario.path}")
    where = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus)))]
    said = subprocess.run([*where, *argv], capture_output=True, text=True, check=False, timeout=seconds + 30).stdout
    rate, p99 = _RATE.search(said), _P99.search(said)
    if rate is None or p99 is None:
        raise RuntimeError(f"wrk said nothing that could be read:\n{said}")
    errors, refused = _ERRORS.search(said), _NOT_2XX.search(said)
    failed = sum(map(int, errors.groups())) if errors else 0
    # A server that closes after each response, as asked, ends wrk's read: no error, for the response was whole.
    if scenario.close and errors:
        failed -= int(errors[2])
    return Measured(float(rate[1]), float(p99[1]) * _SECONDS[p99[2]], failed + (int(refused[1]) if refused else 0))
