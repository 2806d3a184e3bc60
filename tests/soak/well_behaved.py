"""Clients that behave: whatever they ask, they wait for the answer and know what it must be."""

from __future__ import annotations

import asyncio

from tests.soak.client_connection import ClientConnection, Wrong
from tests.soak.soak_client import BODY, SoakClient, sum_of


async def keeps_alive(client: SoakClient) -> None:
    """Some requests on one connection, of every kind."""
    connection = await client.connection()
    for _ in range(client.random.randrange(1, 20)):
        await client.random.choice(KINDS)(client, connection)
    await connection.close()


async def one_request(client: SoakClient) -> None:
    """One request and the end, as HTTP/1.0 had it."""
    connection = await client.connection()
    version = client.random.choice(["1.0", "1.1"])
    size = client.random.randrange(0, 100_000)
    path = client.random.choice(["sized", "streamed", "download"])
    number, request = client.head(f"/{path}?n={size}", "Connection: close", version=version)
    client.check(await (await connection.send(request)).answer(), number, 200, BODY[:size])
    if await connection.rest():
        raise Wrong("something behind the last answer")
    await connection.close()


async def pipelines(client: SoakClient) -> None:
    """Many requests at once; the answers come in their order."""
    connection = await client.connection()
    asked = []
    for _ in range(client.random.randrange(2, 30)):
        body = client.piece(20_000)
        asked.append((*client.post("/echo", body), body))
    async with asyncio.TaskGroup() as group:
        group.create_task(connection.send(b"".join([request for _, request, _ in asked])))
        for number, _, body in asked:
            client.check(await connection.answer(), number, 200, body)
    await connection.close()


async def half_closes(client: SoakClient) -> None:
    """A request, then FIN: the whole answer still comes (RFC 9112, 9.6)."""
    if client.tls:
        return
    connection = await client.connection()
    number, request = client.head("/streamed?n=300000")
    await connection.send(request)
    connection.half_close()
    client.check(await connection.answer(), number, 200, BODY[:300_000])
    await connection.rest()
    await connection.close()


async def byte_by_byte(client: SoakClient) -> None:
    """A head in pieces of a few bytes."""
    connection = await client.connection()
    number, request = client.head("/sized?n=10")
    while request:
        size = client.random.randrange(1, 9)
        await connection.send(request[:size])
        request = request[size:]
        await asyncio.sleep(0.002)
    client.check(await connection.answer(), number, 200, BODY[:10])
    await connection.close()


async def reads_slowly(client: SoakClient) -> None:
    """A large answer, read in small pieces; the server waits for as long as some of it is read."""
    connection = await client.connection(small=True)
    number, request = client.head(f"/{client.random.choice(['sized', 'streamed', 'download'])}?n=2000000")
    await connection.send(request)
    head = await connection.head()
    await client.pause(1.5)
    raw = b""
    wanted = len(BODY[:2_000_000])
    while len(raw) < wanted:
        part = await connection.some(65_536)
        if not part:
            raise Wrong(f"the end after {len(raw)} bytes")
        raw += part
        await asyncio.sleep(0.001)
    if head.status != 200 or ("content-length" in head.fields and raw != BODY[:wanted]):
        raise Wrong(f"{head.status} with {len(raw)} bytes that are not the right ones")
    client.left(number)
    connection.reset()


async def uploads(client: SoakClient) -> None:
    """A body in chunks, with pauses."""
    connection = await client.connection()
    body = client.piece(1_000_000)
    number, head = client.chunked("/upload", [], last=b"")
    await connection.send(head)
    at = 0
    while at < len(body):
        part = body[at : at + client.random.randrange(1, 200_000)]
        await connection.send(b"%x\r\n%b\r\n" % (len(part), part))
        at += len(part)
        await client.pause(0.02)
    await connection.send(b"0\r\n\r\n")
    client.check(await connection.answer(), number, 200, sum_of(body))
    await connection.close()


async def expects(client: SoakClient) -> None:
    """Expect: 100-continue, and the body after the 100 alone (RFC 9110, 10.1.1)."""
    connection = await client.connection()
    body = client.piece(50_000)
    number, head = client.head("/echo", f"Content-Length: {len(body)}", "Expect: 100-continue", method="POST")
    if (await (await connection.send(head)).head()).status != 100:
        raise Wrong("no 100")
    client.check(await (await connection.send(body)).answer(), number, 200, body)
    await connection.close()


async def is_not_read(client: SoakClient) -> None:
    """A large body that the application leaves unread: the answer comes, then the end."""
    connection = await client.connection()
    number, request = client.post("/unread", BODY[:3_000_000])
    sending = asyncio.ensure_future(connection.send(request))
    client.check(await connection.answer(), number, 200, b"not read")
    await sending
    await connection.rest()
    await connection.close()


async def asks_for_failures(client: SoakClient) -> None:
    """Applications that raise, before or within their answer, or send less than they said."""
    connection = await client.connection()
    number, request = client.head("/boom")
    client.check(await (await connection.send(request)).answer(), number, 500)
    number, request = client.head(client.random.choice(["/broken", "/short"]))
    answer = await (await connection.send(request)).answer()
    if answer.whole or answer.status != 200:
        raise Wrong(f"{answer.status} was to be cut off, and was not")
    client.left(number)
    await connection.close()


# -- one request on a connection that stays


async def _get(client: SoakClient, connection: ClientConnection) -> None:
    size = client.random.randrange(0, 70_000)
    number, request = client.head(f"/{client.random.choice(['sized', 'streamed', 'download'])}?n={size}")
    client.check(await (await connection.send(request)).answer(), number, 200, BODY[:size])


async def _head(client: SoakClient, connection: ClientConnection) -> None:
    number, request = client.head("/sized?n=1000", method="HEAD")
    answer = client.check(await (await connection.send(request)).answer(head_only=True), number, 200)
    if answer.fields["content-length"] != "1000":
        raise Wrong("a HEAD without the length")


async def _post(client: SoakClient, connection: ClientConnection) -> None:
    body = client.piece(100_000)
    number, request = client.post("/echo", body)
    client.check(await (await connection.send(request)).answer(), number, 200, body)


async def _chunked(client: SoakClient, connection: ClientConnection) -> None:
    parts = [client.piece(10_000) for _ in range(client.random.randrange(1, 6))]
    number, request = client.chunked("/echo", parts)
    client.check(await (await connection.send(request)).answer(), number, 200, b"".join(parts))


async def _redirect(client: SoakClient, connection: ClientConnection) -> None:
    number, request = client.head("/redirect")
    client.check(await (await connection.send(request)).answer(), number, 302, b"")


async def _missing(client: SoakClient, connection: ClientConnection) -> None:
    number, request = client.head("/nowhere")
    client.check(await (await connection.send(request)).answer(), number, 404)


async def _slow(client: SoakClient, connection: ClientConnection) -> None:
    number, request = client.head(f"/slow?ms={client.random.randrange(1, 60)}")
    client.check(await (await connection.send(request)).answer(), number, 200, b"slow")


KINDS = [_get, _get, _get, _get, _head, _post, _chunked, _redirect, _missing, _slow]
EVERY = [
    *[keeps_alive] * 6, one_request, one_request, pipelines, half_closes, byte_by_byte, reads_slowly, uploads, expects,
    is_not_read, asks_for_failures,
]  # fmt: skip
