"""The raw requests of tests/requests, each played against a running server, whole and in pieces.

What is expected of each stands beside them, in expectations.toml. Each file is followed by ``GET /behind``, which is
answered where the connection stays open, and must never reach the application where it does not.
"""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from tests.server.served import Client, Response, Served

CORPUS = Path(__file__).parents[2] / "requests"
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# Small, so that the files are.
LIMITS = Limits(
    max_line_bytes=4096,
    max_header_bytes=4096,
    max_fields=16,
    max_body_bytes=4096,
    max_trailer_bytes=1024,
    max_extension_bytes=1024,
    drain_bytes=1024,
)
IMPATIENT = Limits(header_timeout_s=0.01, body_timeout_s=0.01)
FOLDERS = pytest.mark.parametrize("folder", ["valid", "invalid"])


@dataclass(frozen=True)
class Case:
    """One file, and what must come of it."""

    name: str
    data: bytes
    good: bool
    expected: dict[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether the connection serves the next request."""
        return self.good and bool(self.expected.get("open", True))

    @property
    def statuses(self) -> list[int]:
        """The statuses of the responses, in order, without the response to the next request."""
        status = self.expected.get("status", [200] * len(self.received) if self.good else 400)
        return status if isinstance(status, list) else [status]

    @property
    def received(self) -> list[dict[str, Any]]:
        """The bodies that the application must have received."""
        received: list[dict[str, Any]] = self.expected.get("received", [])
        return received

    @property
    def sent(self) -> bytes:
        """The bytes that the client sends, including the request after this one."""
        alone = "ends" in self.expected or "stalls" in self.expected
        return self.data if alone else self.data + BEHIND

    def methods(self) -> Iterator[bytes]:
        """The methods of the requests, as far as a response's framing depends on them."""
        received = (request.get("method", "GET") for request in self.received)
        yield from (method.encode("latin-1") for method in received)
        yield self.data.split(b" ")[0] if not self.received else b""


def load(folder: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the expectations and the files of a folder, by name."""
    expected = tomllib.loads((CORPUS / folder / "expectations.toml").read_text(encoding="utf-8"))
    return expected, {path.stem: path.read_bytes() for path in sorted((CORPUS / folder).glob("*.http"))}


def cases(folder: str, *, stalling: bool = False) -> list[Case]:
    """Every case of a folder, or those alone in which the client stalls."""
    table, files = load(folder)
    return [
        Case(name, files.get(name, b""), good=folder == "valid", expected=expected)
        for name, expected in table.items()
        if ("stalls" in expected) is stalling
    ]


def play_each(found: list[Case], play: Callable[[Case], None]) -> None:
    """Play each case, and raise what failed with the case's name: a test for each would take longer than the case."""
    failures: list[Exception] = []
    for case in found:
        try:
            play(case)
        except Exception as error:  # noqa: BLE001  whatever it is, the other cases are played too
            error.add_note(f"in tests/requests/{'valid' if case.good else 'invalid'}/{case.name}.http")
            failures.append(error)
    assert found
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(found)} cases", failures)


class Witness:
    """An application that remembers what it was given, once it has read it all."""

    def __init__(self) -> None:
        self.begun = 0
        self.received: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.begun += 1
        body = b"" if environ["PATH_INFO"] == "/unread" else environ["wsgi.input"].read()
        self.received.append({**environ, "body": body.decode("latin-1")})
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode("latin-1")]


class Pieces(socket.socket):
    """A connection whose bytes come in pieces of these sizes, however the client sent them; then as they are."""

    def __init__(self, accepted: socket.socket, sizes: Iterator[int]) -> None:
        super().__init__(fileno=accepted.detach())
        self._sizes = sizes
        self._left = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if not self._left:
            self._left = next(self._sizes, size)
        data = super().recv(min(size, self._left), flags)
        self._left = max(0, self._left - len(data))
        return data


class Stage:
    """A server, and a second listener, through which connections are handed over."""

    def __init__(self, stack: ExitStack, limits: Limits) -> None:
        self.witness = Witness()
        self.served = Served(self.witness, stack, limits=limits)
        self._acceptor = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def play(self, case: Case, sizes: Iterator[int] | None = None, early: int = 0) -> None:
        """Send a case, and hold what comes of it to what is expected.

        Args:
            case: the case.
            sizes: of the pieces in which the server receives it; None leaves that to the kernel.
            early: how much of it another process has read before it handed the connection over.
        """
        self.witness.begun = 0
        self.witness.received.clear()
        self.served.sink.records.clear()
        if sizes is None:
            client = Client(self.served.address)
        else:
            client = Client(self._acceptor.getsockname())
            accepted, _ = self._acceptor.accept()
            self.served.server.take([(Pieces(accepted, sizes), case.sent[:early])])
        try:
            responses = converse(client, case, case.sent[early:])
        finally:
            client.close()
        self._judge(case, responses, in_pieces=sizes is not None)

    def _judge(self, case: Case, responses: list[Response], *, in_pieces: bool) -> None:
        expected = case.statuses + [200] * case.is_open
        if in_pieces:  # a server may ask for the body while that is on its way
            responses = [response for response in responses if response.status != 100]
            expected = [status for status in expected if status != 100]
        assert [response.status for response in responses] == expected
        refusals = [response for response in responses if response.status >= 400]
        assert all(response["Connection"] == "close" for response in refusals)
        received = self.witness.received
        if case.is_open:
            assert received.pop()["PATH_INFO"] == "/behind"
        assert [request["PATH_INFO"] for request in received] == [path_of(request) for request in case.received]
        for request, wanted in zip(received, case.received, strict=True):
            check_environ(request, wanted)
        assert self.witness.begun == len(received) + case.is_open + case.expected.get("begun", 0)
        self._judge_records(case, [status for status in expected if status >= 200])

    def _judge_records(self, case: Case, statuses: list[int]) -> None:
        # The connection has ended, and a record is made before that: none will follow.
        records = self.served.sink.records
        assert [record["status"] for record in records] == statuses
        events = ["request.finished" if status == 200 else "request.refused" for status in statuses]
        if "event" in case.expected:
            events[-1] = case.expected["event"]
        assert [record["event"] for record in records] == events
        assert all(record["reason"] for record in records if record["status"] != 200)
        assert not records or case.expected.get("reason", "") in (records[-1]["reason"] or "")


def converse(client: Client, case: Case, data: bytes) -> list[Response]:
    """Send, and read responses until the server has ended the connection."""
    waits = case.expected.get("waits", False)
    head, end, rest = data.partition(b"\r\n\r\n")
    client.send(head + end if waits else data)
    if "ends" in case.expected:
        client.half_close()
    responses: list[Response] = []
    methods = case.methods()
    while client.more_comes():
        interim = bool(responses) and responses[-1].status == 100
        method = b"" if interim else next(methods, b"")
        responses.append(client.response(head_only=method == b"HEAD"))
        if waits:
            client.send(rest)
            waits = False
    return responses


def path_of(wanted: dict[str, Any]) -> str:
    """The path that the application must have received."""
    return unfold(wanted.get("path", "/"))


def unfold(value: Any) -> str:
    """A value as it is meant: a long one is written as a text and one character so many times."""
    return value if isinstance(value, str) else value.get("text", "") + value["then"] * value["times"]


def check_environ(environ: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compare the requests that the application received with the expected ones."""
    assert environ["REQUEST_METHOD"] == wanted.get("method", "GET")
    assert environ["QUERY_STRING"] == unfold(wanted.get("query", ""))
    assert environ["body"] == unfold(wanted.get("body", ""))
    for key, value in wanted.get("fields", {}).items():
        assert environ.get(key, False) == (value if value is False else unfold(value)), key


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One server for all cases: none may leave anything behind."""
    with ExitStack() as stack:
        yield Stage(stack, LIMITS)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Stage]:
    """A server that waits for nobody."""
    with ExitStack() as stack:
        yield Stage(stack, IMPATIENT)


def in_two(stage: Stage, case: Case) -> None:
    """Play the case once for each place at which it can be cut."""
    size = len(case.data)
    for cut in range(1, size, max(1, size // 6)):
        stage.play(case, iter([cut]))


@FOLDERS
def test_each_request_is_answered_as_its_rfc_asks(stage: Stage, folder: str):
    """Each request is answered and received as its RFC asks, leaves one record, and hides no other."""
    play_each(cases(folder), stage.play)


@FOLDERS
def test_requests_are_read_equally_byte_by_byte(stage: Stage, folder: str):
    """Requests that come byte by byte are read as those that come at once."""
    play_each(cases(folder), lambda case: stage.play(case, repeat(1)))


@FOLDERS
def test_requests_are_read_equally_in_two_parts(stage: Stage, folder: str):
    """Requests are read alike wherever their bytes are cut in two."""
    play_each(cases(folder), lambda case: in_two(stage, case))


@FOLDERS
def test_requests_are_read_equally_after_a_handover(stage: Stage, folder: str):
    """Requests whose first half another process has read are read as those that come at once."""
    play_each(
        cases(folder),
        lambda case: stage.play(case, iter(()), 0 if "waits" in case.expected else len(case.data) // 2),
    )


def test_a_stalled_request_is_answered_with_408(impatient: Stage):
    """A request that does not come in time is answered with 408, and leaves one record (RFC 9110, 15.5.9)."""
    play_each(cases("valid", stalling=True) + cases("invalid", stalling=True), impatient.play)


def test_a_case_that_fails_is_named():
    """A failure says which file it was in, and the other cases are still played."""
    found = cases("valid")[:3]
    played: list[Case] = []

    def play(case: Case) -> None:
        played.append(case)
        assert case is not found[1]

    with pytest.raises(ExceptionGroup) as raised:
        play_each(found, play)
    assert played == found
    assert [error.__notes__ for error in raised.value.exceptions] == [[f"in tests/requests/valid/{found[1].name}.http"]]


@FOLDERS
def test_each_request_of_the_corpus_has_its_expectation(folder: str):
    """Each file has its expectations, and each expectation its file."""
    table, files = load(folder)
    assert set(table) == set(files)
