"""The house rules for tests: each can fail, they wait for events and not for time, and few look into others.

Where a test can only look at a condition, ``tests/server/slow.until`` looks again and again until it holds.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import assertions

REACHES = 167  # lower it with each test that asks in public: that holds what users see, and survives a better design
# How often each file waits for time, and why.
_CLIENT = "the pauses of a client or an application are the test"
_SAVES = "the rhythm of saves is the test"
_NOTHING = "nothing may happen for so long, and no event would come after it"
SLEEPS = {
    "live/live_appliance.py": (1, "the poll of a condition that no line of the log reports"),
    "live/test_checkpoint_conditions.py": (1, _SAVES),
    "live/test_reload_own_writes.py": (1, _SAVES),
    "live/test_slow_clients.py": (1, _CLIENT),
    "live/test_swap_failures.py": (3, _SAVES),
    "server/io/test_tls.py": (1, _CLIENT),
    "server/slow.py": (1, "the poll of a condition that no event tells of"),
    "server/wsgi/test_streams.py": (1, _CLIENT),
    "watch/test_synchronisation.py": (2, _NOTHING),
    "worker/files/test_source_loader.py": (1, f"a thread waits for a lock: {_NOTHING}"),
}


@pytest.mark.whole
def test_each_test_can_fail():
    """Each test asserts something, or calls a helper that does (the module ``assertions`` says how that is found)."""
    assert assertions.tests_that_cannot_fail() == []


def test_no_loop_asks_for_private_state():
    """No test waits in a loop for what another object keeps to itself: it waits for an event, a record, an answer."""
    assert assertions.busy_loops() == []


def test_few_tests_reach_into_others():
    """The private names of other objects in the tests are limited in number: a new one takes the place of another."""
    found = assertions.reaches()
    assert found.total() <= REACHES, found.most_common()


def test_no_test_waits_for_time():
    """Tests wait for an event, an answer or an end; where only time can pass, the place and the reason stand here.

    The pauses of the soak are its load.
    """
    found = {path: number for path, number in assertions.sleeps().items() if not path.startswith("soak/")}
    assert found == {path: number for path, (number, _) in SLEEPS.items()}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("time.sleep(1)", 1),
        ("thread.join(0.05)", 1),
        ("thread.join(timeout=0.05)", 1),
        ("threading.Event().wait(delay_s)", 1),
        ("Event().wait(timeout=0.1)", 1),
        ("thread.join(10)", 0),
        ("thread.join()", 0),
        ("threading.Event().wait()", 0),
        ("over.wait(0.1)", 1),
        ("while not over.wait(0.1): pass", 0),
        ("assert over.wait(0.1)", 0),
        ("assert not over.wait(0.1)", 1),
        ("assert not gate.acquire(timeout=0.1)", 1),
        ("assert not sending.sends(1, within_s=0.03)", 1),
        ("assert given and not over.wait(timeout=0.5)", 1),
        ("assert not gate.acquire(timeout=10)", 0),
        ("over.wait(0.0)", 0),
        ("assert not threading.Event().wait(0.1)", 1),
        ("', '.join(names)", 0),
    ],
)
def test_a_sleep_under_another_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, count: int):
    """A short join, a wait for an event that nobody can set, and a short wait for nothing are found."""
    (tmp_path / "test_one.py").write_text(line, encoding="utf-8")
    monkeypatch.setattr(assertions, "TESTS", tmp_path)
    assert assertions.sleeps().total() == count


SHARED = """
def judge(value):
    assert value

class Client:
    def wait(self):
        judge(self)

    def send(self):
        return self
"""


@pytest.mark.parametrize(
    ("test", "can_fail"),
    [
        ("client.send()", False),
        ("assert client.send()", True),
        ("client.wait()", True),
        ("for each in [judge]: each(1)", False),
        ("list(map(judge, [1]))", True),
        ("with pytest.raises(OSError): client.send()", True),
        ("subprocess.run([], check=True)", True),
        ("subprocess.run([], check=False)", False),
        ("own()\n\ndef own():\n    judge(1)", True),
        ("send()\n\ndef send():\n    judge(1)", True),
    ],
)
def test_a_test_that_cannot_fail_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test: str, can_fail: bool):
    """A test is found that neither asserts nor calls what does, in its own file or among what tests share."""
    (tmp_path / "shared.py").write_text(SHARED, encoding="utf-8")
    (tmp_path / "test_one.py").write_text(f"def test_one():\n    {test}\n", encoding="utf-8")
    monkeypatch.setattr(assertions, "TESTS", tmp_path)
    assert assertions.tests_that_cannot_fail() == ([] if can_fail else ["test_one.py:1 test_one"])


@pytest.mark.parametrize(
    ("loop", "is_busy"),
    [
        ("while not server._busy: pass", True),
        ("while one.two._three() < 3: pass", True),
        ("while self._running: pass", False),
        ("while server.is_busy(): pass", False),
        ("def busy(server):\n return server._busy\nwhile busy(one): pass", True),
        ("def busy(server):\n return server.busy\nwhile busy(one): pass", False),
    ],
)
def test_a_loop_that_asks_a_private_attribute_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str, is_busy: bool
):
    """A loop is found that asks for another object's private attribute, directly, through others or in a function."""
    (tmp_path / "test_one.py").write_text(loop, encoding="utf-8")
    monkeypatch.setattr(assertions, "TESTS", tmp_path)
    assert bool(assertions.busy_loops()) is is_busy


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("server._busy", 1),
        ("setattr(server, '_busy', 1)", 1),
        ("monkeypatch.setattr(module, '_LIMIT', one._two)", 2),
        ("self._own", 0),
        ("server.busy", 0),
        ("row._replace(a=1)", 0),
        ("server.__class__", 0),
    ],
)
def test_a_reach_into_another_object_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, count: int):
    """A private attribute of another object counts, and its replacement; one's own does not, nor what is documented."""
    (tmp_path / "test_one.py").write_text(line, encoding="utf-8")
    monkeypatch.setattr(assertions, "TESTS", tmp_path)
    assert assertions.reaches().total() == count
