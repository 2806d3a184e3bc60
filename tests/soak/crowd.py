"""Clients that ask all the time while a project is saved: ``python -m tests.soak.crowd --seconds 600`` (``make soak``).

Saves come in all distances, some while the one before is still being imported; some are broken, end the worker or take
long to import, so that the page answers in between and connections go from one server to the next at any moment. No
connection may be refused or end without its answer, and no answer may be older than one that was seen. The seed decides
what is saved and when; the result is one JSON object on stdout, and the exit code.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from tests.live.live_appliance import Appliance
from tests.soak.verdict import tell

PAGE = """
import os, time
time.sleep({import_s})
{more}
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.3)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{number:06}"]
"""

BROKEN = ("def broken(:", "raise ValueError('broken')", "os._exit(3)")
PAUSES_S = (0.004, 0.01, 0.03, 0.1, 0.3, 0.3, 0.6, 1.2)
IMPORTS_S = (0.05, 0.3, 1.0, 1.4)  # the page answers from a second on
SETTLE_S = 30.0


class Crowd:
    """Clients that ask all the time, with a pause of 5 ms: four by new connections, four by kept ones.

    Args:
        port: whom.
        pages: the statuses, beside 200, that an answer without a version may have.
        slow: how many of a hundred requests take 0.3 s.
    """

    def __init__(self, port: int, *, pages: frozenset[int] = frozenset(), slow: int = 0) -> None:
        self._port = port
        self._pages = pages
        self._slow = slow
        self._over = threading.Event()
        self.seen = 0  # the newest version that any of them has been answered
        self.failures: list[str] = []
        self.answers: Counter[int] = Counter()
        self._threads = [
            threading.Thread(target=self._ask, kwargs={"keep": keep}) for keep in (True, False) for _ in range(4)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, *, keep: bool) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        chance = random.Random(keep)
        while not self._over.wait(0.005):
            slow = chance.randrange(100) < self._slow
            least = 0 if slow else self.seen
            try:
                connection.request("GET", "/slow" if slow else "/", headers={"Accept": "text/plain"})
                response = connection.getresponse()
                body = response.read()
            except (OSError, HTTPException) as error:
                self.failures.append(f"{'kept' if keep else 'new'}: {error!r}")
                connection.close()
                continue
            self.answers[response.status] += 1
            if response.status == 200 and body.isdigit() and int(body) >= least:
                self.seen = max(self.seen, int(body))
            elif response.status not in self._pages:
                self.failures.append(f"{response.status} {body[:80]!r}, when {least} had been seen")
            if not keep or response.will_close:
                connection.close()
        connection.close()


@dataclass
class Result:
    """The results; ``answers`` by status."""

    seed: int
    saves: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def work(*, seconds: float, seed: int) -> Result:
    """Save for so long; what it has shown."""
    result = Result(seed)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "project").mkdir()
        (folder / "project" / "app.py").write_text(_page(chance, 0, good=True), encoding="utf-8")
        appliance = Appliance(folder / "project", folder / "cache", folder / "status.sock", {})
        try:
            appliance.wait_for("worker.ready")
            with Crowd(appliance.port, pages=frozenset({500, 503}), slow=5) as crowd:
                over = time.monotonic() + seconds
                while time.monotonic() < over:
                    result.saves += 1
                    appliance.edit("app.py", _page(chance, result.saves))
                    time.sleep(chance.choice(PAUSES_S))
                result.saves += 1
                appliance.edit("app.py", _page(chance, result.saves, good=True))
                deadline = time.monotonic() + SETTLE_S
                while crowd.seen < result.saves and time.monotonic() < deadline:
                    time.sleep(0.01)
            result.answers = dict(crowd.answers)
            result.failures = crowd.failures
            if crowd.seen != result.saves:
                result.failures.append(f"save {result.saves} was not served; {crowd.seen} was the last")
            if code := appliance.stop():
                result.failures.append(f"the appliance ended with {code}")
        finally:
            appliance.close()
    return result


def _page(chance: random.Random, number: int, *, good: bool = False) -> str:
    kind = 1.0 if good else chance.random()
    more = chance.choice(BROKEN) if kind < 0.3 else ""
    import_s = chance.choice(IMPORTS_S) if 0.3 <= kind < 0.5 else 0.0
    return PAGE.format(number=number, more=more, import_s=import_s)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    arguments = parser.parse_args()
    sys.stderr.write(f"seed {arguments.seed}, {arguments.seconds:.0f} s\n")
    result = work(**vars(arguments))
    tell(result)
    return bool(result.failures)


if __name__ == "__main__":
    raise SystemExit(main())
