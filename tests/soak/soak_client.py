"""The base of every client of a soak run: requests with names, and answers compared with the expected ones."""

from __future__ import annotations

import asyncio
import random
import ssl
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from tests.apps.soaked.app import content
from tests.soak.client_connection import Answer, ClientConnection, Wrong
from tests.soak.request_log import ANY, PREFIX, RequestLog

BODY: bytes = content(4_000_000)


@dataclass
class SoakClient:
    """One client's stay."""

    request_log: RequestLog
    random: random.Random
    port: int
    tls: ssl.SSLContext | None

    async def connection(self, *, small: bool = False) -> ClientConnection:
        """A new connection."""
        return await ClientConnection(self.port, self.tls, small).open()

    def head(self, path: str, *fields: str, method: str = "GET", version: str = "1.1") -> tuple[int, bytes]:
        """A request without a body: its number and its bytes."""
        number = self.request_log.new()
        lines = [f"{method} {path} HTTP/{version}", "Host: localhost", f"X-Request-ID: {PREFIX}{number}", *fields]
        return number, "\r\n".join([*lines, "", ""]).encode()

    def post(self, path: str, body: bytes, *fields: str) -> tuple[int, bytes]:
        """A request with a body of known length."""
        number, head = self.head(path, f"Content-Length: {len(body)}", *fields, method="POST")
        return number, head + body

    def chunked(self, path: str, parts: Iterable[bytes], *, last: bytes = b"0\r\n\r\n") -> tuple[int, bytes]:
        """A request with a chunked body."""
        number, head = self.head(path, "Transfer-Encoding: chunked", method="POST")
        return number, head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + last

    def piece(self, most: int) -> bytes:
        """A part of what never changes, of a random length."""
        return BODY[: self.random.randrange(1, most)]

    async def pause(self, most_s: float) -> None:
        """Do nothing for a while."""
        await asyncio.sleep(self.random.uniform(0, most_s))

    def check(self, answer: Answer, number: int, status: int, body: bytes | None = None) -> Answer:
        """The answer to a request that had to be answered so.

        Raises:
            Wrong: it was answered otherwise.
        """
        if answer.status != status or answer.name != f"{PREFIX}{number}":
            came = f"{answer.status} came for {answer.name}: {answer.body[:200]!r}"
            raise Wrong(f"{PREFIX}{number}: {status} was to come, and {came}")
        if not answer.whole or (body is not None and answer.body != body):
            raise Wrong(f"{PREFIX}{number}: {len(answer.body)} bytes came that are not the right ones")
        self.request_log.promise(number, status)
        return answer

    def refused(self, answer: Answer, *statuses: int) -> None:
        """The answer to what is not a request.

        Raises:
            Wrong: it was answered otherwise.
        """
        if answer.status not in statuses or not answer.whole:
            raise Wrong(f"{statuses} was to come, and {answer.status}: {answer.body[:200]!r}")
        if answer.name.startswith(PREFIX):
            self.request_log.promise(int(answer.name.removeprefix(PREFIX)), answer.status)
        else:
            self.request_log.claim(answer.name)

    def left(self, number: int) -> None:
        """The server began to answer this one, so it has a line, whatever became of it."""
        self.request_log.promise(number, ANY)


def sum_of(body: bytes) -> bytes:
    """Return the answer of ``/upload``."""
    return b"%d %d" % (len(body), zlib.crc32(body))
