"""The steps of a worker after its last exit hook, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import atexit, os, time
from appliance.worker.ending.interpreter_end import InterpreterEnd
interpreter_end = InterpreterEnd()
interpreter_end.begin()
interpreter_end.delay(0.2)
class Freed:
    def __del__(self, said=os.write, now=time.monotonic, nice=os.nice):
        said(1, f"freed {now()} {nice(0)}\\n".encode())
freed = Freed()
atexit.register(lambda: print("hook", time.monotonic(), os.nice(0), flush=True))
"""


def test_memory_is_freed_after_the_pause():
    """The project's exit hooks run at once; what the interpreter frees waits for the pause, at the lowest priority."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    (hook, hook_at, hook_nice), (freed, freed_at, freed_nice) = (line.split() for line in done.stdout.splitlines())
    assert (hook, freed) == ("hook", "freed")
    assert float(freed_at) - float(hook_at) >= 0.2
    assert (int(freed_nice), int(hook_nice)) == (19, os.nice(0))
