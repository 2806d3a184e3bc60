"""A long run against the real appliance: ``python -m tests.soak.load --seconds 600`` (``make soak``).

Two appliances, one of plain HTTP and one of HTTPS, serve ``tests/apps/soaked`` to clients of every kind. Between rounds
of load there is a quiet moment, in which each process is looked at: what it holds must not grow. At the end every
request that was sent must have exactly one line in the log, and no answer may have been wrong. The seed decides what
the clients do; the result is one JSON object on stdout, and the exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import shutil
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.certificates import make_certificate
from tests.live.live_appliance import Appliance
from tests.soak import misbehaving, slow, streams, well_behaved
from tests.soak.processes import Held, differences, held, tree
from tests.soak.request_log import ACCESS, RequestLog
from tests.soak.soak_client import SoakClient
from tests.soak.verdict import tell

SOAKED = Path(__file__).parents[1] / "apps" / "soaked"
Behaviour = Callable[[SoakClient], Awaitable[None]]
THREADS = 8
LIMITS = {
    "APPLIANCE_THREADS": str(THREADS),
    "APPLIANCE_HEADER_TIMEOUT_S": "3",
    "APPLIANCE_BODY_TIMEOUT_S": "10",  # what is slow on purpose is never late on a busy machine
    "APPLIANCE_SLOW_REQUEST_S": "20",  # longer than a body may take: one that is refused was not slow
    "APPLIANCE_IDLE_TIMEOUT_S": "4",
    # glibc keeps what was freed, up to 64 MB an arena and an arena for each thread: one, and nothing kept, so that what
    # a process holds is what it uses. (Without these a worker's memory goes up and down by 60 MB here.)
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
QUIET_S = 12.0  # longer than the time-outs, and than the lingering after them
SPARE_KIB = 3_000
REPLAYED_KIB = 20_000  # the recorder keeps the last requests in memory, to send them again: 16 MB and what holds them


class Soaked(Appliance):
    """An appliance whose lines go into the log of requests, as they come."""

    is_forked = False  # malloc reads its settings when a process is executed

    def __init__(
        self, project: Path, cache: Path, status_socket: Path, settings: dict[str, str], request_log: RequestLog
    ) -> None:
        self._request_log = request_log
        self.worker = 0
        super().__init__(project, cache, status_socket, settings)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self._request_log.line(event)
            if event["event"] not in ACCESS and event["role"] == "supervisor":
                self._incoming.put(event)
        self._incoming.put(None)


@dataclass
class Result:
    """The measurements of a run."""

    seed: int
    seconds: float
    clients: int
    rounds: int = 0
    requests: int = 0
    by_behaviour: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    processes: dict[str, list[Held]] = field(default_factory=dict)
    objects: dict[str, list[int]] = field(default_factory=dict)
    failed: int = 0
    failures: list[str] = field(default_factory=list)


class Run:
    """One run."""

    def __init__(self, seed: int, seconds: float, clients: int) -> None:
        self.result = Result(seed, seconds, clients)
        self.request_log = RequestLog()
        self.by_behaviour: Counter[str] = Counter()
        self.appliances: list[tuple[Soaked, ssl.SSLContext | None]] = []

    def start(self, folder: Path, python: str) -> None:
        """Start both appliances, and wait until they serve."""
        for scheme in ("http", "https"):
            project = folder / scheme
            shutil.copytree(SOAKED, project, ignore=shutil.ignore_patterns("__pycache__"))
            settings, context = dict(LIMITS), None
            if python:
                settings |= {"APPLIANCE_PYTHON": python, "APPLIANCE_INSTALL": "off"}
            if scheme == "https":
                certificate, key = make_certificate(project)
                settings |= {"APPLIANCE_TLS_CERT": certificate.name, "APPLIANCE_TLS_KEY": key.name}
                context = ssl.create_default_context(cafile=str(certificate))
            appliance = Soaked(project, folder / "cache", folder / f"{scheme}.sock", settings, self.request_log)
            self.appliances.append((appliance, context))
        for appliance, _ in self.appliances:
            appliance.worker = appliance.wait_for("worker.ready")["pid"]
            _ = appliance.port

    async def load(self, rounds: int) -> None:
        """Rounds of load, and a quiet moment after each."""
        for number in range(rounds):
            over = time.monotonic() + self.result.seconds / rounds
            await asyncio.gather(*(self._client(number, index, over) for index in range(self.result.clients)))
            await self._quiet()
            await self._settle()
            await self._quiet()
            self._look()
            self.result.rounds += 1
            if self.request_log.failed > 1000:
                break

    async def _client(self, number: int, index: int, over: float) -> None:
        chance = random.Random(f"{self.result.seed}-{number}-{index}")
        kinds: list[Behaviour] = [*well_behaved.EVERY, *misbehaving.EVERY, *slow.EVERY, *streams.EVERY]
        while time.monotonic() < over:
            behaviour = chance.choice(kinds)
            appliance, tls = self.appliances[chance.random() < 0.3]
            client = SoakClient(self.request_log, chance, appliance.port, tls)
            name = behaviour.__name__
            self.by_behaviour[name] += 1
            try:
                await behaviour(client)
            except Exception as error:  # noqa: BLE001  whatever it is, it is what we look for
                self.request_log.fail(f"{name}, {'https' if tls else 'http'}: {error!r:.400}")

    async def _quiet(self) -> None:
        """Until nothing is connected any more: the server's time-outs have passed, and its lines have come."""
        deadline = time.monotonic() + QUIET_S
        while time.monotonic() < deadline:
            if not self.request_log.missing() and not any(map(_connected, self._all())):
                break
            await asyncio.sleep(0.25)

    async def _settle(self) -> None:
        """Have each worker count what lives, and give back what malloc keeps of what was freed.

        Its first failure opens the folder of the cached code, which stays open: a short round of load may have none.
        """
        for appliance, tls in self.appliances:
            client = SoakClient(self.request_log, random.Random(0), appliance.port, tls)
            await well_behaved.asks_for_failures(client)
            connection = await client.connection()
            number, request = client.head("/settle", "Connection: close")
            answer = client.check(await (await connection.send(request)).answer(), number, 200)
            await connection.close()
            self.result.objects.setdefault("https" if tls else "http", []).append(int(answer.body))

    def _all(self) -> list[int]:
        return [pid for appliance, _ in self.appliances for pid in tree(appliance.process.pid)]

    def _look(self) -> None:
        for appliance, tls in self.appliances:
            roles = {appliance.process.pid: "supervisor", appliance.worker: "worker"}
            for pid in tree(appliance.process.pid):
                if _is_recorder(pid):
                    roles[pid] = "recorder"
                name = f"{'https' if tls else 'http'} {roles.get(pid, pid)}"
                self.result.processes.setdefault(name, []).append(held(pid))

    def end(self) -> Result:
        """Stop both, read the rest of their logs, judge."""
        for appliance, _ in self.appliances:
            code = appliance.stop()
            if code:
                self.request_log.fail(f"the appliance ended with {code}")
        self.request_log.judge()
        for name, samples in self.result.processes.items():
            kib = SPARE_KIB + (REPLAYED_KIB if name.endswith("recorder") else 0)
            for words in differences(samples, spare_threads=THREADS, spare_kib=kib):
                self.request_log.fail(f"{name}: {words}")
            if name.endswith(("supervisor", "worker")) and len(samples) != self.result.rounds:
                self.request_log.fail(f"{name}: seen {len(samples)} times in {self.result.rounds} rounds")
        result = self.result
        result.requests = self.request_log.sent
        result.by_behaviour, result.events = dict(self.by_behaviour), dict(self.request_log.events)
        result.failed, result.failures = self.request_log.failed, self.request_log.failures
        return result


def _is_recorder(pid: int) -> bool:
    try:
        return b"appliance.desk\0" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:  # it has ended
        return False


def _connected(pid: int) -> bool:
    """Whether a process holds a connection of TCP other than the socket that it listens on."""
    inodes = set()
    for number in (Path("/proc") / str(pid) / "fd").iterdir():
        try:
            target = str(number.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    for line in (Path("/proc") / str(pid) / "net" / "tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] != "0A" and fields[9] in inodes:
            return True
    return False


def soak(*, seconds: float, seed: int, clients: int, rounds: int, python: str = "") -> Result:
    """One run; what it has shown."""
    run = Run(seed, seconds, clients)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run.start(Path(folder), python)
            asyncio.run(run.load(rounds))
            return run.end()
        finally:
            for appliance, _ in run.appliances:
                appliance.close()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="of load; the quiet moments come on top")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--python", default="", help="the worker's; a path")
    arguments = parser.parse_args()
    sys.stderr.write(f"seed {arguments.seed}, {arguments.seconds:g} s of load\n")
    result = soak(**vars(arguments))
    tell(result)
    return bool(result.failed)


if __name__ == "__main__":
    raise SystemExit(main())
