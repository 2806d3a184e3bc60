"""A hostile project under a hostile client: every line is safe JSON, and nothing is missing."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.logged_appliance import Logged

APPS = Path(__file__).parents[1] / "apps"
HOSTILE = [
    b"GET /\x1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%1b?\xe2\x80\xae=%00 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \xc2\x9b\xff\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a\x07b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \x1b]0;x\x07\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    b'"}\n{"event":"forged"} / HTTP/1.1\r\n\r\n',
    b"BREW /\xed\xa0\x80 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
]


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Logged]:
    """The hostile project, served."""
    running = Logged(APPS / "hostile_words", tmp_path)
    running.wait_for("worker.ready")
    yield running
    running.close()


def ask(appliance: Logged, path: str) -> str:
    """Request ``path``; return the request's id once its end is logged."""
    response, _ = appliance.get(f"/{path}")
    request_id = response.getheader("X-Request-ID")
    assert request_id is not None
    appliance.wait_for("request.finished", request_id=request_id)
    return request_id


def texts(appliance: Logged, request_id: str) -> list[str]:
    """Every text of a request's output and records."""
    return [
        str(each.get("text", each.get("message"))) for each in appliance.said() if each.get("request_id") == request_id
    ]


@pytest.mark.whole
def test_whatever_a_project_does(appliance: Logged, tmp_path: Path):
    """Escapes, binary, forged JSON, threads, forks, long lines, half ones: all of it arrives, safe and as its own."""
    escapes, binary = ask(appliance, "escapes"), ask(appliance, "binary")
    ask(appliance, "threads")
    forks, half = ask(appliance, "forks"), ask(appliance, "half")
    ask(appliance, "long")
    raises = ask(appliance, "raises")
    for raw in HOSTILE:
        with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as client:
            client.sendall(raw)
            while client.recv(65_536):
                continue
    ask(appliance, "endless")
    closes, last = ask(appliance, "closes"), ask(appliance, "raw")
    assert appliance.stop() == 0
    assert appliance.faults == []
    assert len(texts(appliance, escapes)) == 5
    assert len(texts(appliance, binary)) == 4 + 2 + 1  # two newlines are among the bytes
    assert [appliance.count(f"thread {n} line {m}") for n in range(5) for m in (0, 19)] == [1] * 10
    assert sum("record" in str(event.get("message")) for event in appliance.said()) == 100
    for word in ("fork", "multiprocessing"):
        for what in ("from the child", "logged by the child", "raw from the child", "half of the child"):
            assert appliance.count(f"{word}: {what}") == 1
            assert any(f"{word}: {what}" in text for text in texts(appliance, forks))
    assert "a line without an end" in texts(appliance, half)
    assert (appliance.long["x"], appliance.long["y"]) == (3_000_005, 100_000_000)
    printed = [text for text in texts(appliance, raises) if "printed\nin two lines" in text]
    assert len(printed) == 1
    assert printed[0].startswith("Traceback")
    assert sum("ZeroDivisionError" in str(event.get("text")) for event in appliance.said()) == 1
    assert len(texts(appliance, closes)) == 2
    assert texts(appliance, last) == ["raw: one request runs"]
    forged = [event for event in appliance.events if event.get("request_id") == "forged" or event["event"] == "forged"]
    assert forged == []
    if shutil.which("jq"):
        (tmp_path / "log").write_bytes(b"".join(appliance.lines))
        subprocess.run(["jq", "-c", ".", str(tmp_path / "log")], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_a_forked_child_is_not_a_second_server(appliance: Logged):
    """A child that leaves the application ends there: the worker answers alone, and each request has its line."""
    children = {
        "child_exits": (3, ""),
        "child_raises": (1, "ValueError: in the child"),
        "child_returns": (0, "returned from the application"),
    }
    for path, (status, word) in children.items():
        request_id = ask(appliance, path)
        assert len({ask(appliance, "quiet") for _ in range(20)}) == 20
        assert f"status {status}" in texts(appliance, request_id)
        while not any(word in text for text in texts(appliance, request_id)):  # a traceback may go on for a moment
            appliance.next_event(f"a child's {word!r}")
    appliance.get("/child_streams")  # forks in the midst of its response, which both write: that one is lost
    appliance.wait_for("output", text="status 0")
    assert len({ask(appliance, "quiet") for _ in range(20)}) == 20
    assert appliance.stop() == 0
    assert appliance.faults == []
    assert sum(event["event"].startswith("request.") for event in appliance.events) == (len(children) + 1) * 21


def test_connections_that_a_dead_worker_had_accepted_are_counted(tmp_path: Path):
    """Connections that a worker had accepted when it died are counted; the next one serves the others."""
    appliance = Logged(APPS / "hostile_words", tmp_path, APPLIANCE_THREADS="1")
    appliance.wait_for("worker.ready")
    clients = []
    for path in ("sleeps", "kills", "quiet", "quiet", "quiet"):
        client = socket.create_connection(("127.0.0.1", appliance.port), timeout=30)
        client.sendall(b"GET /%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode())
        clients.append(client)
        if path == "sleeps":
            appliance.wait_for("output", text="asleep")  # nobody accepts while the one thread is at work
    assert clients[0].recv(100).startswith(b"HTTP/1.1 200")
    lost = appliance.wait_for("records.lost")
    assert lost["count"] == 3
    assert "waited for a thread" in lost["reason"]
    ask(appliance, "quiet")
    for client in clients:
        client.close()
    appliance.stop()
    assert [event["event"] for event in appliance.events].count("records.lost") == 1
    appliance.close()


@pytest.mark.parametrize(
    ("path", "how", "words"),
    [
        ("crash", "killed by SIGSEGV", ["the last words", "the last record", "the last raw bytes", "half of the last"]),
        ("exits", "exit status 3", ["before os._exit"]),
        ("kills", "killed by SIGKILL", ["before SIGKILL"]),
    ],
)
def test_the_last_words_of_a_worker_and_its_request_are_logged(
    appliance: Logged, path: str, how: str, words: list[str]
):
    """A worker that ends in the middle of a request leaves its words and the request behind, with one id."""
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as client:
        client.sendall(b"GET /%b?n=1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\n\r\n" % path.encode())
        assert client.recv(100) == b""
    aborted = appliance.wait_for("request.aborted")
    assert (aborted["url.path"], aborted["url.query"], aborted["user_agent.original"]) == (f"/{path}", "n=1", "test")
    assert how in aborted["reason"]
    appliance.stop()
    assert appliance.faults == []
    for each in words:
        assert any(each in text for text in texts(appliance, aborted["request_id"]))
    if path == "crash":
        assert any("Fatal Python error" in text for text in texts(appliance, aborted["request_id"]))
    assert not [event for event in appliance.events if event["event"] == "records.lost"]
