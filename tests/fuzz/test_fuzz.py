"""The fuzzer's short form: what it began with and what it kept, then some seconds of mutation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.conversation import check
from tests.fuzz.seeds import KEPT, seeds

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
LARGEST = 2_000_000
FRAMING = "appliance.server.http.fields.framing_of"
OPTIONS = "appliance.server.http.fields.connection_options"


def test_saved_inputs_are_read_as_the_reference_reads_them():
    """Each input that was worth keeping is read as the reference reads it, whole and in pieces."""
    for name, data in seeds().items():
        try:
            check(data)
        except AssertionError as error:
            error.add_note(name)
            raise


def test_the_kept_inputs_are_few():
    """The corpus stays small enough for a repository."""
    sizes = [path.stat().st_size for path in KEPT.glob("*.bin")]
    assert 0 < sum(sizes) < LARGEST


@pytest.mark.parametrize(
    ("lax", "result", "data"),
    [
        (FRAMING, (0, False), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
        (FRAMING, (0, False), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
        (OPTIONS, (True, False), b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        ("appliance.server.http.fields.check_controls", None, b"GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n"),
    ],
)
def test_a_lax_server_is_found_out(monkeypatch: pytest.MonkeyPatch, lax: str, result: object, data: bytes):
    """The judge sees what a server does that leaves one of its checks out."""
    check(data)
    monkeypatch.setattr(lax, lambda *arguments: result)
    with pytest.raises(AssertionError):
        check(data)


def test_some_seconds_of_fuzzing_find_nothing():
    """The command finds nothing in the time that the checks have for it."""
    command = [sys.executable, "-m", "tests.fuzz", "--engine", "own", "--seconds", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failures=0" in done.stdout
