"""Clients of WebSockets and event streams, that come and go."""

from __future__ import annotations

import asyncio
import base64
import os

from tests.soak.client_connection import ClientConnection, Wrong
from tests.soak.soak_client import SoakClient

LOST = 4  # ends that are tried


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame of less than 126 bytes (RFC 6455, 5.2)."""
    mask = os.urandom(4)
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


async def opened(client: SoakClient) -> tuple[int, ClientConnection]:
    """A WebSocket: its request's number, and the connection."""
    connection = await client.connection()
    key = base64.b64encode(os.urandom(16)).decode()
    fields = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    number, request = client.head("/websocket", *fields)
    answer = await (await connection.send(request)).head()
    if answer.status != 101:
        raise Wrong(f"no WebSocket: {answer.status}")
    return number, connection


async def talks(client: SoakClient) -> None:
    """Some messages, each sent back; then the close, said or not."""
    number, connection = await opened(client)
    client.request_log.promise(number, 101)
    for _ in range(client.random.randrange(0, 40)):
        message = os.urandom(client.random.randrange(1, 100))
        await connection.send(masked(2, message))
        if await connection.read(2 + len(message)) != bytes([0x82, len(message)]) + message:
            raise Wrong("another message came back")
        await client.pause(0.1)
    way = client.random.randrange(LOST)
    if way == 0:
        connection.reset()
    elif way == 1:
        await connection.send(masked(2, b"abc")[:-1])  # in the middle of a frame
        await connection.close()
    else:
        await connection.send(masked(8, b"\x03\xe8"))
        if await connection.read(4) != b"\x88\x02\x03\xe8":
            raise Wrong("the close was not answered")
        if await connection.rest():
            raise Wrong("something behind the close")
        await connection.close()


async def listens(client: SoakClient) -> None:
    """Some events, and away, as a browser that closes its tab."""
    connection = await client.connection()
    number, request = client.head("/events")
    answer = await (await connection.send(request)).head()
    if answer.status != 200:
        raise Wrong(f"no event stream: {answer.status}")
    client.request_log.promise(number, 200)
    for _ in range(client.random.randrange(0, 40)):
        if not await connection.some(4096):
            raise Wrong("the stream ended")
    if client.random.random() < 0.5:
        connection.reset()
    else:
        await connection.close()


async def listens_to_the_end(client: SoakClient) -> None:
    """A stream that ends by itself, on a connection that goes on."""
    connection = await client.connection()
    number, request = client.head("/events?n=5")
    answer = await (await connection.send(request)).answer()
    client.check(answer, number, 200, b"".join(b"data: %d\n\n" % each for each in range(1, 6)))
    await asyncio.sleep(0)
    await connection.close()


EVERY = [talks, listens, listens_to_the_end]
