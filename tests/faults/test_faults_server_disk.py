"""The server when the disk takes nothing: bodies that have to be stored, responses that slow readers leave."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
import types
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.wsgi import buffered_body
from tests.faults import faulty_sockets
from tests.faults.faulty_sockets import LARGE, Serve
from tests.faults.injections import NO_DESCRIPTOR, NO_SPACE, Faults
from tests.server.served import Client, chunked, get

serve = faulty_sockets.serve  # a fixture
DISK = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES]


@pytest.mark.usefixtures("disk_faults")
@pytest.mark.parametrize(("call", "times"), [("open", -1), ("pwrite", 1), ("pwrite", -1)])
@pytest.mark.parametrize("number", DISK)
def test_a_body_that_finds_no_room_is_answered_with_507(
    serve: Serve, faults: Faults, monkeypatch: pytest.MonkeyPatch, call: str, number: int, times: int
):
    """A chunked body that finds no room on the disk is answered with 507, with its line and one event."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", ("django",))
    monkeypatch.setitem(sys.modules, "django", types.ModuleType("django"))
    served = serve(limits=Limits(held_bytes=100_000))
    faults.plan(call, OSError(number, os.strerror(number)), times)
    client = served.client()
    sending = threading.Thread(target=_send, args=(client, chunked(*[LARGE[:200_000]] * 10)))
    sending.start()
    response = client.response()
    sending.join(10)
    assert (response.status, response["Connection"]) == (507, "close")
    assert os.strerror(number).encode() in response.body
    record = served.sink.record()
    assert (record["event"], record["status"], record["request_id"]) == (
        "request.refused",
        507,
        response["X-Request-ID"],
    )
    assert served.sink.wait_for("spool.failed")["action"]
    assert served.ask(chunked(b"abc")).body == b"3"
    faults.end(call)
    assert served.ask(chunked(*[LARGE[:200_000]] * 10)).body == b"2000000"


def _send(client: Client, data: bytes) -> None:
    try:
        client.send(data)
    except OSError:
        return  # it was refused in the midst


@pytest.mark.usefixtures("disk_faults")
@pytest.mark.parametrize(("call", "times"), [("open", -1), ("pwrite", 1), ("pwrite", -1), ("fstatvfs", 1)])
@pytest.mark.parametrize("path", ["/large", "/stream"])
def test_a_slow_reader_gets_its_response_without_room_on_the_disk(
    serve: Serve, faults: Faults, call: str, times: int, path: str
):
    """A slow reader gets all of its response though it can't be put on the disk, and others are answered beside it."""
    served = serve(limits=Limits(held_bytes=100_000))
    faults.plan(call, NO_SPACE, times)
    slow = served.client().send(get(path))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().status == 200
    assert slow.response().body == LARGE
    assert served.sink.wait_for("spool.failed")["reason"]
    record = served.sink.wait(lambda: [each for each in served.sink.records if each["path"] == path])[0]
    assert (record["event"], record["body_size"]) == ("request.finished", len(LARGE))


@pytest.mark.usefixtures("disk_faults")
@pytest.mark.parametrize("times", [1, -1])
def test_slow_bodies_without_room_on_the_disk_are_served(serve: Serve, faults: Faults, times: int):
    """Slow bodies that find no room wait for a thread; every one is served."""
    served = serve(threads=2, limits=Limits(held_bytes=1000))
    faults.plan("pwrite", NO_SPACE, times)
    part, rest = LARGE[:50_000], LARGE[:10]
    head = get("/", f"Content-Length: {len(part) + len(rest)}", method="POST")
    slow = [served.client().send(head + part) for _ in range(8)]
    served.sink.wait(served.sends_in_background)
    assert [client.send(rest).response().body for client in slow] == [b"50010"] * 8
    assert served.ask().status == 200


@pytest.mark.usefixtures("disk_faults")
@pytest.mark.parametrize("times", [1, -1])
def test_a_file_is_sent_by_its_thread_without_a_second_descriptor(
    serve: Serve, faults: Faults, tmp_path: Any, times: int
):
    """A file that is sent to a slow reader is sent by its thread where no second descriptor can be had."""
    file = tmp_path / "file"
    file.write_bytes(LARGE)

    def send_file(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/file":
            return environ["wsgi.file_wrapper"](io.FileIO(file))
        return [b"plain"]

    served = serve(send_file)
    faults.plan("dup", NO_DESCRIPTOR, times)
    slow = served.client().send(get("/file"))
    assert faults.failed.acquire(timeout=10)
    assert served.ask().body == b"plain"
    assert slow.response().body == LARGE
