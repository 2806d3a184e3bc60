"""The desk of a real appliance: what is recorded over reloads, deaths and restarts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from appliance.desk.facts.process_list import memory
from tests.live.live_appliance import Appliance
from tests.thorough import THOROUGH

Starting = Callable[..., Appliance]
RELOADS, KILLS, REQUESTS = (1000, 20, 8) if THOROUGH else (5, 1, 20)
DAY, AT_ONCE = 100_000 if THOROUGH else 24_000, 50
GROWTH, RECORDER = 3 * 1024 * 1024, 48 * 1024 * 1024  # bytes
PAGE = """
import os, signal
def app(environ, start_response):
    print("printed by", environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/raise":
        raise ValueError("wrong")
    if environ["PATH_INFO"].startswith("/die"):
        os.kill(os.getpid(), signal.SIGKILL)
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Set-Cookie", "sid=secret; Path=/")])
    return [b"one ", body] if environ["PATH_INFO"] == "/stream" else [b"one " + body]
"""


@contextlib.contextmanager
def recorded(appliance: Appliance, after: int = 0) -> Iterator[Iterator[dict[str, Any]]]:
    """The requests that are recorded, as they come, the oldest first."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    while True:  # until the recorder has begun
        connection.request("GET", f"/__appliance__/requests/stream?limit=500&after={after}")
        response = connection.getresponse()
        if response.readline().startswith(b"retry") and response.readline() == b"\n" and response.peek(1):
            break
        connection.close()

    def found() -> Iterator[dict[str, Any]]:
        for line in response:
            if line.startswith(b"data: "):
                yield from json.loads(line[6:])[::-1]

    yield found()
    connection.close()


def recorded_request(appliance: Appliance, path: str) -> dict[str, Any]:
    """The recorded request for this path, whole."""
    with recorded(appliance) as requests:
        number = next(each["id"] for each in requests if each["path"] == path)
    return ask(appliance, f"requests/{number}")


def ask(appliance: Appliance, page: str) -> dict[str, Any]:
    """A page as JSON."""
    found: dict[str, Any] = json.loads(appliance.get(f"/__appliance__/{page}")[1])
    return found


@pytest.mark.parametrize("settings", [{}, {"APPLIANCE_ACCESS_LOG": "off"}], ids=["all", "nothing logged"])
def test_a_request_is_recorded_with_its_lines(start: Starting, project: Path, settings: dict[str, str]):
    """A request has what it printed and raised, whatever the log leaves out."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(**settings)
    while appliance.get("/warm")[0].status != 200:
        pass
    appliance.get("/raise")
    found = recorded_request(appliance, "/raise")
    assert found["status"] == 500
    assert [each["text"] for each in found["lines"] if each["event"] == "output"] == ["printed by /raise"]
    assert found["error"]["error"] == "ValueError: wrong"
    listed = appliance.command("requests", "--status", "5xx", "--json").stdout
    assert [json.loads(line)["id"] for line in listed.splitlines()][-1] == found["id"]
    assert "ValueError: wrong" in appliance.command("requests", str(found["id"])).stdout
    assert "not kept" in appliance.command("requests", "9999").stderr
    (group,) = ask(appliance, "errors")["errors"]
    assert (group["count"], group["request"]) == (1, found["id"])


@pytest.mark.timeout(3600 if THOROUGH else 120)
def test_no_request_is_lost_or_doubled(start: Starting, project: Path):
    """Over reloads, workers that are killed, and a restart of the appliance, each request is recorded once."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    sent = []

    def send(path: str) -> None:
        with contextlib.suppress(OSError, EOFError, HTTPException):  # its worker was killed
            appliance.get(path)
        sent.append(path)

    for reload in range(RELOADS):
        for number in range(REQUESTS):
            if number == REQUESTS // 2:  # the others come while the next worker starts
                appliance.edit("app.py", f"{PAGE}# {reload}\n")
            send(f"/{reload}-{number}")
        appliance.wait_for("reload.finished")
        if reload % (RELOADS // KILLS) == 0:
            send(f"/die-{reload}")
            appliance.wait_for("worker.ready")
    send("/last")
    recorded_request(appliance, "/last")
    reloads = ask(appliance, "reloads")["reloads"]
    assert sum(each["event"] == "reload.finished" for each in reloads) >= min(RELOADS, 90)  # the last hundred are shown
    assert appliance.stop() == 0
    again = start()
    again.wait_for("worker.ready")
    again.get("/after-restart")
    sent.append("/after-restart")
    with recorded(again) as requests:
        found = []
        for each in requests:
            found.append(each["path"])
            if each["path"] == "/after-restart":
                break
    assert sorted(path for path in found if path in set(sent)) == sorted(sent)  # the log's order is that of the ends


def test_a_recorder_that_dies_is_replaced(start: Starting, project: Path):
    """A recorder that is killed is started again; what it had not read, and what was logged in between, is recorded."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.get("/before")
    recorded_request(appliance, "/before")
    processes = json.loads(appliance.command("status", "--json").stdout)["processes"]
    (recorder,) = (each["pid"] for each in processes if each["role"] == "recorder")
    os.kill(recorder, signal.SIGSTOP)
    for number in range(20):
        appliance.get(f"/waits-{number}")
    os.kill(recorder, signal.SIGKILL)
    appliance.get("/between")
    assert recorded_request(appliance, "/between")["status"] == 200
    with recorded(appliance) as requests:
        found = [next(requests)["path"] for _ in range(22)]
    # The log's order is that of the ends.
    assert sorted(found) == sorted(["/before", *(f"/waits-{number}" for number in range(20)), "/between"])
    assert appliance.stop() == 0


def test_recording_can_be_turned_off(start: Starting, project: Path):
    """With APPLIANCE_RECORD=off there is no recorder, no database and no list; the page of the appliance stays."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start(APPLIANCE_RECORD="off")
    appliance.wait_for("worker.ready")
    assert appliance.get("/__appliance__/requests")[0].status == 404
    assert appliance.get("/__appliance__/")[0].status == 200
    assert "APPLIANCE_RECORD=on" in appliance.command("requests").stderr
    assert appliance.stop() == 0
    assert not [each for each in appliance.events if each["role"] == "recorder"]


@pytest.mark.parametrize("path", ["/plain", "/stream"])
def test_head_and_content_are_recorded(start: Starting, project: Path, path: str):
    """A request has its fields, its body and the start of its response, over a reload; secrets are masked."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for generation in (1, 2):
        connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
        fields = {"Authorization": "Basic abc", "Content-Type": "application/json"}
        place = f"{path}-{generation}" if path == "/plain" else f"{path}?{generation}"
        connection.request("POST", place, body=b'{"password": "hunter22", "n": 1}', headers=fields)
        assert b"hunter22" in connection.getresponse().read()
        connection.close()
        with recorded(appliance) as requests:
            number = next(each["id"] for each in requests if str(generation) in f"{each['path']}{each['query']}")
        found = ask(appliance, f"requests/{number}")["details"]
        assert ["Authorization", "Basic ********"] in found["fields"]
        assert found["body"] == '{"password": "********", "n": 1}'
        assert ["Set-Cookie", "sid=********; Path=/"] in found["response_fields"]
        assert found["content"].startswith("one {")
        appliance.edit("app.py", f"{PAGE}# {generation}\n")
        appliance.wait_for("reload.finished")


def _use(pid: int) -> int:
    """Return the memory of a process, in bytes."""
    use = memory(pid)["pss"]
    assert use is not None
    return use


@pytest.mark.whole
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.timeout(600)
def test_memory_does_not_grow_with_the_day(start: Starting, project: Path):
    """After many requests the supervisor needs as much as after the first ones, and the recorder little."""
    appliance = start(APPLIANCE_ACCESS_LOG="off")  # what the test keeps of the log would grow
    appliance.get("/")
    recorded_request(appliance, "/")
    processes = json.loads(appliance.command("status", "--json").stdout)["processes"]
    pids = {each["role"]: each["pid"] for each in processes} | {"supervisor": appliance.process.pid}
    wanted = b"GET /many HTTP/1.1\r\nHost: localhost\r\n\r\n"
    used: list[dict[str, int]] = []
    with socket.create_connection(("127.0.0.1", appliance.port)) as client, client.makefile("rb") as answers:
        for _ in range(2):
            for _ in range(DAY // 2 // AT_ONCE):
                client.sendall(wanted * AT_ONCE)
                for _ in range(AT_ONCE):
                    head = b"".join(iter(answers.readline, b"\r\n"))
                    answers.read(int(head.lower().partition(b"content-length:")[2].split()[0]))
            client.sendall(wanted.replace(b"/many", b"/end-%d" % len(used)))
            answers.readline()
            b"".join(iter(answers.readline, b"\r\n"))
            answers.read(3)
            recorded_request(appliance, f"/end-{len(used)}")
            used.append({role: _use(pids[role]) for role in ("supervisor", "recorder")})
    assert used[1]["supervisor"] - used[0]["supervisor"] < GROWTH, used
    assert used[1]["recorder"] < RECORDER, used  # depends on how many lines it stored at once
