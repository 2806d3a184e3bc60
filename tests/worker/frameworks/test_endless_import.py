"""Loops without an end: known by the source where a thread stands, and told from those that only take a while."""

from __future__ import annotations

import contextlib
import queue
import threading
from pathlib import Path

import pytest

from appliance.worker.frameworks.endless_import import endless_loop

SOURCES = {
    "top level": ("while True:\n    wait()\n", True),
    "one": ("while 1:\n    if wait():\n        continue\n", True),
    "in a function": ("def main():\n    while True:\n        wait()\nmain()\n", True),
    "called from it": ("def turn():\n    wait()\nwhile True:\n    turn()\n", True),
    "within another": ("while True:\n    for each in (1, 2):\n        wait()\n        break\n", True),
    "decorated": ("def same(f):\n    return f\n@same\ndef main():\n    while True:\n        wait()\nmain()\n", True),
    "a try that ends": ("while True:\n    if wait():\n        break\n", False),
    "a function that ends": (
        "def main():\n    while True:\n        if wait():\n            return\nmain()\n",
        False,
    ),
    "a condition": ("going = True\nwhile going:\n    going = not wait()\n", False),
    "after it": ("while True:\n    break\nwait()\n", False),
    "beside it": ("def other():\n    while True:\n        pass\nwait()\n", False),
    "no loop": ("wait()\n", False),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_an_endless_loop_is_recognised(tmp_path: Path, kind: str):
    """A thread is in an endless loop where its source says so, and not where it may leave it."""
    source, is_endless = SOURCES[kind]
    file = tmp_path / "bot.py"
    file.write_text(source, encoding="utf-8")
    here: queue.SimpleQueue[int] = queue.SimpleQueue()
    over = threading.Event()

    def wait() -> bool:
        here.put(threading.get_ident())
        over.wait()
        raise SystemExit

    def run() -> None:
        with contextlib.suppress(SystemExit):
            exec(compile(source, str(file), "exec"), {"wait": wait})

    thread = threading.Thread(target=run)
    thread.start()
    place = endless_loop(here.get(timeout=10), lambda path: path == str(file))
    over.set()
    thread.join()
    assert (place is not None) == is_endless
    assert place is None or place.file == str(file)


def test_a_source_that_cannot_be_read_says_nothing():
    """A source that is not there, or a thread that has ended, says nothing."""
    assert endless_loop(threading.get_ident(), lambda _: False) is None
    assert endless_loop(-1, lambda _: True) is None
