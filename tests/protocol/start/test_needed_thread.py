"""A process of ours at the limit of processes: it ends with a code that says so, and without a traceback."""

import subprocess
import sys

import pytest

from appliance.protocol.start.needed_thread import NO_THREAD

PROGRAM = """
import threading
from appliance.protocol.start.needed_thread import start_needed
start, count = threading.Thread.start, 0
def limited(thread):
    global count
    count += 1
    if count > {most}:
        raise RuntimeError("can't start new thread")
    start(thread)
threading.Thread.start = limited
start_needed(*[threading.Thread(target=print, args=["runs"], daemon=True) for _ in range(2)])
"""


@pytest.mark.parametrize(("most", "code"), [(2, 0), (1, NO_THREAD), (0, NO_THREAD)])
def test_a_process_without_its_threads_ends_without_a_traceback(most, code):
    """A process that can't start all of its threads ends at once, with nothing on stderr; otherwise it goes on."""
    argv = [sys.executable, "-c", PROGRAM.format(most=most)]
    ended = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (code, b"")
