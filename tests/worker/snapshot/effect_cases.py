"""A program of the tests: it imports each case's modules in a fork, and prints what the check says of each, as JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from appliance.worker.snapshot.import_effects import EffectRefusedError, ImportEffects


def check(folder: str) -> list[str]:
    """The reason of ``stop``, and the answer of ``end``."""
    stopped: list[str] = []
    effects = ImportEffects(lambda file: file.startswith(folder), stopped.append)
    os.chdir(folder)
    sys.path.insert(0, folder)
    effects.begin()
    try:
        importlib.import_module("shop")
        effects.end()
    except EffectRefusedError:
        assert stopped
    return [*stopped, effects.end()]


def in_fork(folder: Path) -> list[str]:
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as answers:
            answer = answers.read()
        os.waitpid(pid, 0)
        found: list[str] = json.loads(answer or '["the process ended", ""]')
        return found
    os.close(read)
    try:
        answer = json.dumps(check(str(folder)))
        os.write(write, answer.encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    for name in ("asyncio", "logging.handlers", "multiprocessing.synchronize", "smtplib", "sqlite3", "urllib.request"):
        importlib.import_module(name)  # once, not in each fork
    sys.stdout.write(json.dumps({case.name: in_fork(case) for case in sorted(Path(sys.argv[1]).iterdir())}))
