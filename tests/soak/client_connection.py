"""One connection of a soak run: bytes as they are, responses read strictly, ends of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

PATIENCE_S = 40.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST


class Wrong(Exception):  # noqa: N818  an answer that may not be
    """The server answered as it must not, or not at all."""


@dataclass
class Answer:
    """One response."""

    status: int
    fields: dict[str, str]
    body: bytes = b""
    whole: bool = True  # its body has ended as its head said

    @property
    def name(self) -> str:
        """The request's, as the server has it."""
        return self.fields.get("x-request-id", "")


@dataclass
class ClientConnection:
    """A connection.

    Attributes:
        small: the kernel holds as little as it can for us, so that the server notices how slowly we read.
    """

    port: int
    tls: ssl.SSLContext | None
    small: bool = False
    _reader: asyncio.StreamReader = field(init=False)
    _writer: asyncio.StreamWriter = field(init=False)

    async def open(self) -> ClientConnection:
        """Connect."""
        sock = socket.socket()
        if self.small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        name = "localhost" if self.tls else None
        limit = 16_384 if self.small else 262_144
        self._reader, self._writer = await asyncio.open_connection(
            sock=sock, ssl=self.tls, limit=limit, server_hostname=name
        )
        return self

    async def send(self, data: bytes) -> ClientConnection:
        """Send; a server that has ended the connection is found when its answer is read."""
        self._writer.write(data)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(self._writer.drain(), PATIENCE_S)
        return self

    def half_close(self) -> None:
        """Say that nothing follows; TLS has no way to."""
        self._writer.write_eof()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next response.

        Raises:
            Wrong: it is malformed, or does not come.
        """
        try:
            return await asyncio.wait_for(self._answer(head_only), PATIENCE_S)
        except TimeoutError:
            raise Wrong("no answer") from None
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Wrong(f"the connection ended instead of an answer: {error!r:.200}") from None

    async def head(self) -> Answer:
        """A response's head alone."""
        raw = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        if first[:9] != "HTTP/1.1 ":
            raise Wrong(f"no status line: {first!r:.80}")
        pairs = [line.split(": ", 1) for line in lines]
        fields = {name.lower(): value for name, value in pairs}
        if len(fields) != len(pairs):
            raise Wrong(f"a field is there twice: {lines}")
        return Answer(int(first[9:12]), fields)

    async def _answer(self, head_only: bool) -> Answer:
        answer = await self.head()
        if head_only or answer.status in {204, 304} or answer.status < 200:
            return answer
        try:
            if answer.fields.get("transfer-encoding") == "chunked":
                answer.body = b"".join([part async for part in self._chunks()])
            elif "content-length" in answer.fields:
                answer.body = await self._reader.readexactly(int(answer.fields["content-length"]))
            else:
                answer.body = await self._reader.read(-1)
        except (asyncio.IncompleteReadError, ConnectionError):
            answer.whole = False
        return answer

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            yield await self._reader.readexactly(size)
            if await self._reader.readexactly(2) != b"\r\n":
                raise Wrong("a chunk without its end")
        if await self._reader.readexactly(2) != b"\r\n":
            raise Wrong("a trailer")

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        return await asyncio.wait_for(self._reader.readexactly(size), PATIENCE_S)

    async def some(self, most: int) -> bytes:
        """At most so many bytes; b"" at the end."""
        return await asyncio.wait_for(self._reader.read(most), PATIENCE_S)

    async def rest(self) -> bytes:
        """All until the server ends the connection; a reset is an end too."""
        try:
            return await asyncio.wait_for(self._reader.read(-1), PATIENCE_S)
        except ConnectionError:
            return b""
        except TimeoutError:
            raise Wrong("the server did not end the connection") from None

    def reset(self) -> None:
        """Leave with RST."""
        sock = self._writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()

    async def close(self) -> None:
        """Leave as one should; without close_notify where the server has nothing more to say to it."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), PATIENCE_S)
