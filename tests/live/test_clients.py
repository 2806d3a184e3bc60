"""The clients that people have, against a running appliance: curl, http.client, httpx, aiohttp, wrk."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.live.clients import program
from tests.live.live_appliance import Appliance
from tests.soak.load import SOAKED

BLOCK = bytes(range(256)) * 256
MANY = 1600  # blocks: 100 MiB
LARGE = MANY * len(BLOCK)
FLAT_KIB = 56_000  # the 16 MiB that a client may be behind, in the heaps of two threads, and as much again as a reserve


@pytest.fixture
def appliance(start: Callable[..., Appliance], project: Path) -> Appliance:
    """One that serves everything that a response can be."""
    shutil.copytree(SOAKED, project, dirs_exist_ok=True)
    appliance = start()
    appliance.wait_for("worker.ready")
    return appliance


@pytest.fixture
def url(appliance: Appliance) -> str:
    """The server's address."""
    return f"http://127.0.0.1:{appliance.port}"


def curl(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run curl; what it did."""
    command = [program("curl"), "--silent", "--show-error", "--max-time", "60", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=90)


def peak_kib(pid: int) -> int:
    """The most memory that a process has ever held."""
    text = (Path("/proc") / str(pid) / "status").read_text(encoding="utf-8")
    return int(text.partition("VmHWM:")[2].split()[0])


def blocks() -> Iterator[bytes]:
    """Yield the pieces of an upload."""
    for _ in range(MANY):
        yield BLOCK


def check_of_blocks() -> bytes:
    """Return the answer of ``/upload`` to these pieces."""
    check = 0
    for block in blocks():
        check = zlib.crc32(block, check)
    return b"%d %d" % (LARGE, check)


def test_curl_keeps_its_connection(url: str):
    """GET, HEAD, a form, a redirect and an upload in chunks share one connection."""
    requests = [
        [f"{url}/sized?n=5", "--write-out", "%{num_connects}\n"],
        ["--head", f"{url}/sized?n=1000", "--write-out", "%{num_connects}\n"],
        ["--data", "a=1", "--data-urlencode", "b=two words", f"{url}/form", "--write-out", " %{num_connects}\n"],
        ["--location", f"{url}/redirect", "--output", "/dev/null", "--write-out", "%{size_download} %{num_connects}\n"],
        [
            "--header",
            "Transfer-Encoding: chunked",
            "--data-binary",
            "@-",
            f"{url}/echo",
            "--write-out",
            " %{num_connects}",
        ],
    ]
    arguments = [word for request in requests for word in ["--next", "--silent", *request]][1:]
    done = curl(*arguments, data=b"in chunks")
    lines = done.stdout.split(b"\n")
    assert lines[0] == b"\0\1\2\3\0041", done
    assert b"Content-Length: 1000\r" in lines
    assert lines[-3:] == [b"[('a', ['1']), ('b', ['two words'])] 0", b"7 0", b"in chunks 0"]


def test_curl_waits_for_100(url: str):
    """Expect: 100-continue is answered when the application reads, before the body is sent."""
    done = curl("--verbose", "--header", "Expect: 100-continue", "--data-binary", "@-", f"{url}/upload", data=BLOCK)
    assert b"< HTTP/1.1 100 Continue" in done.stderr
    assert done.stdout == b"%d %d" % (len(BLOCK), zlib.crc32(BLOCK))


def test_a_transfer_that_curl_gives_up_is_one_line(appliance: Appliance, url: str):
    """A transfer that curl gives up is one line, in either direction, and the next is served."""
    assert curl("--limit-rate", "1M", "--max-time", "0.5", f"{url}/streamed?n={LARGE}").returncode == 28
    assert appliance.wait_for("request.aborted")["url.path"] == "/streamed"
    arguments = ["--limit-rate", "1M", "--max-time", "0.5", "--upload-file", "-", "--header", "Expect:"]
    assert curl(*arguments, f"{url}/upload", data=BLOCK * 200).returncode == 28
    assert appliance.wait_for("request.aborted")["url.path"] == "/upload"
    assert curl(f"{url}/sized?n=1").stdout == b"\0"


@pytest.mark.whole
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="not run: memory is read from /proc")
def test_a_hundred_megabytes_arrive_whole_both_ways(appliance: Appliance, url: str):
    """Up in chunks and down, sized and streamed: whole, and the worker holds what clients may be behind."""
    worker = appliance.events[-1]["pid"]
    before = peak_kib(worker)
    with contextlib.closing(HTTPConnection("127.0.0.1", appliance.port, timeout=60)) as connection:
        connection.request(
            "PUT", "/upload", body=blocks(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        assert connection.getresponse().read() == check_of_blocks()
    for path in ("download", "streamed"):
        done = curl("--output", "/dev/null", "--write-out", "%{size_download}", f"{url}/{path}?n={LARGE}")
        assert done.stdout == b"%d" % LARGE
    assert peak_kib(worker) - before < FLAT_KIB


def test_http_client_keeps_its_connection(appliance: Appliance):
    """Python's own client keeps its connection over every kind of request."""
    with contextlib.closing(HTTPConnection("127.0.0.1", appliance.port, timeout=30)) as connection:
        connection.connect()
        kept = connection.sock
        connection.request("HEAD", "/sized?n=1000")
        response = connection.getresponse()
        assert (response.read(), response.getheader("Content-Length")) == (b"", "1000")
        connection.request("POST", "/form", "a=1&b=2", {"Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().read() == b"[('a', ['1']), ('b', ['2'])]"
        connection.request("POST", "/echo", iter([b"in ", b"chunks"]), encode_chunked=True)
        assert connection.getresponse().read() == b"in chunks"
        connection.request("GET", "/streamed?n=100000")
        assert len(connection.getresponse().read()) == 100_000
        assert connection.sock is kept


def test_httpx_is_served(url: str):
    """Follow a redirect, send a form and a file in chunks, read a stream and leave it."""
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as client:
        answer = client.get("/redirect")
        assert (len(answer.content), [each.status_code for each in answer.history]) == (7, [302])
        assert client.head("/sized?n=1000").headers["content-length"] == "1000"
        assert client.post("/form", data={"a": "1"}).content == b"[('a', ['1'])]"
        assert client.post("/echo", content=iter([b"in ", b"chunks"])).content == b"in chunks"
        assert client.post("/upload", files={"file": BLOCK}).status_code == 200
        with client.stream("GET", "/streamed?n=5000000") as streamed:
            assert len(next(streamed.iter_bytes())) > 0
        assert client.get("/boom").status_code == 500
        assert client.get("/sized?n=3").content == b"\0\1\2"


def test_aiohttp_is_served(url: str):
    """Fifty requests at a time, a WebSocket, an event stream, an upload in chunks."""

    async def talk() -> None:
        async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(30)) as session:

            async def size(number: int) -> int:
                async with session.get(f"/streamed?n={number * 100}") as answer:
                    return len(await answer.read())

            assert await asyncio.gather(*map(size, range(50))) == [number * 100 for number in range(50)]
            async with session.ws_connect("/websocket") as socket:
                await socket.send_bytes(b"hello")
                assert (await socket.receive()).data == b"hello"
            assert socket.close_code == 1000
            async with session.get("/events?ms=5") as events:
                assert [await events.content.readline() for _ in range(3)] == [b"data: 1\n", b"\n", b"data: 2\n"]

            async def parts():
                for part in (b"in ", b"chunks"):
                    yield part

            async with session.post("/echo", data=parts()) as answer:
                assert await answer.read() == b"in chunks"

    asyncio.run(talk())


@pytest.mark.whole
def test_wrk_gets_every_answer(appliance: Appliance, url: str):
    """No error is seen by wrk on 32 kept connections, and each of its requests has its line."""
    command = [program("wrk"), "--threads", "1", "--connections", "32", "--duration", "1s", f"{url}/sized?n=100"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert "Non-2xx" not in said
    assert "Socket errors" not in said
    counted = re.search(r"(\d+) requests in", said)
    assert counted
    assert appliance.stop() == 0
    lines = sum(event["event"] in {"request.finished", "request.aborted"} for event in appliance.events)
    assert int(counted[1]) <= lines <= int(counted[1]) + 32  # those that run when wrk leaves
