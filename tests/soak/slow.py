"""Clients that are slow, many at a time: they get their answers, and nobody waits for them."""

from __future__ import annotations

import asyncio

from tests.soak.client_connection import ClientConnection, Wrong
from tests.soak.soak_client import BODY, SoakClient, sum_of

MANY = 24  # at a time, more than threads
PROMPT_S = 5.0  # for a plain answer beside them: a machine under this load has little time


async def many_read_slowly(client: SoakClient) -> None:
    """Large answers, of which nothing is read for a while; a plain one beside them; then all of each, or away."""
    path = client.random.choice(["sized", "streamed", "download"])
    asked = []
    for _ in range(MANY):
        connection = await client.connection(small=client.random.random() < 0.5)
        number, request = client.head(f"/{path}?n=4000000")
        asked.append((await connection.send(request), number))
    await _is_prompt(client)
    await client.pause(2)
    for connection, number in asked:
        way = client.random.randrange(3)
        if way == 0:
            client.check(await connection.answer(), number, 200, BODY)
            await connection.close()
        elif way == 1:
            connection.reset()
        else:
            await connection.close()


async def many_send_slowly(client: SoakClient) -> None:
    """Bodies of which the end does not come for a while; a plain request beside them; then the end, or away."""
    begun = []
    for _ in range(MANY):
        connection = await client.connection()
        body = client.piece(200_000)
        if client.random.random() < 0.5:
            number, request = client.post("/upload", body)
        else:
            number, request = client.chunked("/upload", [body[:1000], body])
            body = body[:1000] + body
        cut = client.random.randrange(request.index(b"\r\n\r\n") + 4, len(request))
        begun.append((await connection.send(request[:cut]), request[cut:], number, body))
    await _is_prompt(client)
    await client.pause(1)
    for connection, rest, number, body in begun:
        if client.random.random() < 0.7:
            client.check(await (await connection.send(rest)).answer(), number, 200, sum_of(body))
        await connection.close()


async def reads_in_drips(client: SoakClient) -> None:
    """A large answer is read in drips for as long as that takes; the next request is answered after it."""
    connection = await client.connection(small=True)
    number, request = client.head(f"/{client.random.choice(['sized', 'download'])}?n=1500000")
    behind, next_request = client.head("/sized?n=5")
    await connection.send(request + next_request)
    head = await connection.head()
    raw = b""
    while len(raw) < 1_500_000:
        part = await connection.some(min(16_384, 1_500_000 - len(raw)))
        if not part:
            raise Wrong(f"the end after {len(raw)} bytes")
        raw += part
        await asyncio.sleep(0.005)
    if head.status != 200 or raw != BODY[:1_500_000]:
        raise Wrong(f"{head.status} with bytes that are not the right ones")
    client.left(number)
    client.check(await connection.answer(), behind, 200, BODY[:5])
    await connection.close()


async def gives_up_waiting(client: SoakClient) -> None:
    """Requests that occupy every thread, and others that leave meanwhile; who only ends its half is answered."""
    busy: list[tuple[ClientConnection, int]] = []
    for _ in range(MANY // 2):
        connection = await client.connection()
        number, request = client.head("/slow?ms=60")
        busy.append((await connection.send(request), number))
    for _ in range(4):
        connection = await client.connection()
        await connection.send(client.head("/sized?n=10")[1])
        await connection.close()
    half = await client.connection()
    number, request = client.head("/sized?n=7")
    await half.send(request)
    if not client.tls:
        half.half_close()
    for connection, slow in busy:
        client.check(await connection.answer(), slow, 200, b"slow")
        await connection.close()
    client.check(await half.answer(), number, 200, BODY[:7])
    await half.close()


async def _is_prompt(client: SoakClient) -> None:
    """A plain request, answered soon.

    Raises:
        Wrong: it was not.
    """
    connection = await client.connection()
    number, request = client.head("/sized?n=9")
    try:
        answer = await asyncio.wait_for((await connection.send(request)).answer(), PROMPT_S)
    except TimeoutError:
        raise Wrong(f"a plain request was not answered within {PROMPT_S} s beside slow ones") from None
    client.check(answer, number, 200, BODY[:9])
    await connection.close()


EVERY = [many_read_slowly, many_send_slowly, reads_in_drips, reads_in_drips, gives_up_waiting]
