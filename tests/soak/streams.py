"""Clients of WebSockets and event streams, that come and go."""

from __future__ import annotations

import asyncio
import base64
import os

from tests.soak.link import Link, Wrong
from tests.soak.visit import Visit

LOST = 4  # ends that are tried


def masked(opcode: int, payload: bytes) -> bytes:
    """A client's frame of less than 126 bytes (RFC 6455, 5.2)."""
    mask = os.urandom(4)
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


async def opened(visit: Visit) -> tuple[int, Link]:
    """A WebSocket: its request's number, and the connection."""
    link = await visit.link()
    key = base64.b64encode(os.urandom(16)).decode()
    fields = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    number, request = visit.head("/websocket", *fields)
    answer = await (await link.send(request)).head()
    if answer.status != 101:
        raise Wrong(f"no WebSocket: {answer.status}")
    return number, link


async def talks(visit: Visit) -> None:
    """Some messages, each sent back; then the close, said or not."""
    number, link = await opened(visit)
    visit.ledger.promise(number, 101)
    for _ in range(visit.random.randrange(0, 40)):
        message = os.urandom(visit.random.randrange(1, 100))
        await link.send(masked(2, message))
        if await link.read(2 + len(message)) != bytes([0x82, len(message)]) + message:
            raise Wrong("another message came back")
        await visit.pause(0.1)
    way = visit.random.randrange(LOST)
    if way == 0:
        link.reset()
    elif way == 1:
        await link.send(masked(2, b"abc")[:-1])  # in the middle of a frame
        await link.close()
    else:
        await link.send(masked(8, b"\x03\xe8"))
        if await link.read(4) != b"\x88\x02\x03\xe8":
            raise Wrong("the close was not answered")
        if await link.rest():
            raise Wrong("something behind the close")
        await link.close()


async def listens(visit: Visit) -> None:
    """Some events, and away, as a browser that closes its tab."""
    link = await visit.link()
    number, request = visit.head("/events")
    answer = await (await link.send(request)).head()
    if answer.status != 200:
        raise Wrong(f"no event stream: {answer.status}")
    visit.ledger.promise(number, 200)
    for _ in range(visit.random.randrange(0, 40)):
        if not await link.some(4096):
            raise Wrong("the stream ended")
    if visit.random.random() < 0.5:
        link.reset()
    else:
        await link.close()


async def listens_to_the_end(visit: Visit) -> None:
    """A stream that ends by itself, on a connection that goes on."""
    link = await visit.link()
    number, request = visit.head("/events?n=5")
    answer = await (await link.send(request)).answer()
    visit.check(answer, number, 200, b"".join(b"data: %d\n\n" % each for each in range(1, 6)))
    await asyncio.sleep(0)
    await link.close()


EVERY = [talks, listens, listens_to_the_end]
