"""Clients that do not behave: they leave, stall, reset and lie, in every place where one can."""

from __future__ import annotations

import asyncio
import ssl

from tests.soak.client_connection import ClientConnection, Wrong
from tests.soak.soak_client import BODY, SoakClient

# Requests that no server may serve, each with the statuses that refuse it.
LIES: list[tuple[bytes, tuple[int, ...]]] = [
    (b"GET / HTTP/1.1\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n", (400,)),
    (b"GET / HTTP/1.1\nHost: localhost\n\n\r\n\r\n", (400,)),
    (b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,)),
    (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", (400, 505)),
    (b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", (400,)),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", (400,)),
    (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", (400,)),
    (
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        (400,),
    ),
    (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501)),
    (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", (414,)),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", (431,)),
    (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", (403,)),
    (bytes(range(256)) + b"\r\n\r\n", (400,)),
]
BAD_CHUNKS = [b"x\r\nabc\r\n", b"3\nabc\r\n", b"3\r\nabcd\r\n", b"-1\r\n", b"+3\r\nabc\r\n", b"ffffffffffffffffff\r\n"]


async def lies(client: SoakClient) -> None:
    """Bad framing is refused, the connection ends, and no request after it is run."""
    connection = await client.connection()
    lie, statuses = client.random.choice(LIES)
    if not lie.startswith(b"\x16") and client.random.random() < 0.5:
        number, request = client.head("/sized?n=5")
        client.check(await (await connection.send(request)).answer(), number, 200, BODY[:5])
    number, smuggled = client.head("/sized?n=6")
    sending = asyncio.ensure_future(connection.send(lie + smuggled))
    client.refused(await connection.answer(), *statuses)
    await sending
    if await connection.rest():
        raise Wrong(f"something behind a refusal: {lie[:80]!r}")
    await connection.close()


async def lies_in_chunks(client: SoakClient) -> None:
    """A malformed chunk ends the request with 400."""
    connection = await client.connection()
    number, request = client.chunked("/echo", [b"good"], last=client.random.choice(BAD_CHUNKS) + b"0\r\n\r\n")
    client.check(await (await connection.send(request)).answer(), number, 400)
    await connection.rest()
    await connection.close()


async def lies_about_length(client: SoakClient) -> None:
    """Send fewer bytes than were announced, then FIN; or more, which are not a request."""
    connection = await client.connection()
    if client.tls or client.random.random() < 0.5:
        number, request = client.post("/echo", b"abc")
        answer = await (await connection.send(request + b"\x01surplus\r\n\r\n")).answer()
        client.check(answer, number, 200, b"abc")
        client.refused(await connection.answer(), 400)
    else:
        number, request = client.head("/echo", "Content-Length: 1000", method="POST")
        await connection.send(request + b"x" * 10)
        connection.half_close()
        client.check(await connection.answer(), number, 400)
    await connection.rest()
    await connection.close()


async def leaves_in_head(client: SoakClient) -> None:
    """A part of a head, and away."""
    connection = await client.connection()
    _, request = client.head("/sized?n=10")
    await connection.send(request[: client.random.randrange(0, len(request) - 1)])
    client.request_log.excuse()
    await _leave(client, connection)


async def leaves_in_body(client: SoakClient) -> None:
    """A part of a body, and away; an answer or none, but one line."""
    connection = await client.connection()
    if client.random.random() < 0.5:
        _, request = client.post(client.random.choice(["/echo", "/upload", "/unread"]), client.piece(100_000))
    else:
        _, request = client.chunked("/upload", [client.piece(50_000), client.piece(50_000)])
    least = request.index(b"\r\n\r\n") + 4
    await connection.send(request[: client.random.randrange(least, len(request))])
    await _leave(client, connection)


async def leaves_in_answer(client: SoakClient) -> None:
    """A part of a large answer, and away."""
    connection = await client.connection(small=client.random.random() < 0.5)
    number, request = client.head(f"/{client.random.choice(['streamed', 'download', 'sized'])}?n=4000000")
    await connection.send(request)
    await connection.head()
    client.left(number)
    for _ in range(client.random.randrange(0, 5)):
        await connection.some(65_536)
    await _leave(client, connection)


async def leaves_at_once(client: SoakClient) -> None:
    """A whole request, and away before any answer; it may never have been seen."""
    connection = await client.connection()
    _, request = client.head(client.random.choice(["/sized?n=100", "/slow?ms=30", "/streamed?n=500000"]))
    await connection.send(request)
    await _leave(client, connection)


async def leaves_a_pipeline(client: SoakClient) -> None:
    """Many requests at once, some answers, and away."""
    connection = await client.connection()
    asked = [client.head(f"/streamed?n={client.random.randrange(1, 50_000)}") for _ in range(20)]
    await connection.send(b"".join(request for _, request in asked))
    for number, _ in asked[: client.random.randrange(0, 10)]:
        client.check(await connection.answer(), number, 200)
    await _leave(client, connection)


async def stalls_in_head(client: SoakClient) -> None:
    """A part of a head, then nothing: 408 when the time is up (RFC 9110, 15.5.9)."""
    connection = await client.connection()
    _, request = client.head("/sized?n=10")
    await connection.send(request[: client.random.randrange(5, len(request) - 1)])
    client.refused(await connection.answer(), 408)
    await connection.rest()
    await connection.close()


async def stalls_in_body(client: SoakClient) -> None:
    """A part of a body, then nothing: 408."""
    connection = await client.connection()
    if client.random.random() < 0.5:
        number, request = client.head("/echo", "Content-Length: 50", method="POST")
    else:
        number, request = client.chunked("/upload", [b"some"], last=b"5\r\nab")
    client.check(await (await connection.send(request)).answer(), number, 408)
    await connection.rest()
    await connection.close()


async def stalls_in_answer(client: SoakClient) -> None:
    """Reads nothing of a large answer for a while; then all of it, or away."""
    connection = await client.connection(small=True)
    number, request = client.head("/streamed?n=4000000")
    await connection.send(request)
    await client.pause(4)
    if client.random.random() < 0.5:
        client.check(await connection.answer(), number, 200, BODY)
    await _leave(client, connection)


async def says_nothing(client: SoakClient) -> None:
    """A connection that is opened, and left to the server to end; that is not logged."""
    connection = await client.connection()
    if client.random.random() < 0.5:
        await client.pause(2)
    elif await connection.rest():
        raise Wrong("an answer to nothing")
    await _leave(client, connection)


async def does_not_trust(client: SoakClient) -> None:
    """A client that refuses the certificate."""
    if client.tls:
        try:
            await ClientConnection(client.port, ssl.create_default_context()).open()
        except ssl.SSLCertVerificationError:
            return
        raise Wrong("a certificate that nobody signed was trusted")


async def speaks_the_other(client: SoakClient) -> None:
    """Plain HTTP to the port that is TLS, and the reverse."""
    if client.tls:
        connection = await ClientConnection(client.port, None).open()
        _, request = client.head("/")
        client.refused(await (await connection.send(request)).answer(), 400)
        await connection.rest()
        await connection.close()
        return
    try:
        await ClientConnection(client.port, ssl.create_default_context()).open()
    except (ssl.SSLError, ConnectionError):
        client.request_log.excuse()
    else:
        raise Wrong("TLS on a plain port")


async def _leave(client: SoakClient, connection: ClientConnection) -> None:
    if client.random.random() < 0.5:
        connection.reset()
    else:
        await connection.close()


EVERY = [
    lies, lies, lies_in_chunks, lies_about_length, leaves_in_head, leaves_in_body, leaves_in_body, leaves_in_answer,
    leaves_in_answer, leaves_at_once, leaves_at_once, leaves_a_pipeline, stalls_in_head, stalls_in_body,
    stalls_in_answer, says_nothing, speaks_the_other, does_not_trust,
]  # fmt: skip
