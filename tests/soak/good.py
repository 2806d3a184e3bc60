"""Clients that behave: whatever they ask, they wait for the answer and know what it must be."""

from __future__ import annotations

import asyncio

from tests.soak.link import Link, Wrong
from tests.soak.visit import BODY, Visit, sum_of


async def keeps_alive(visit: Visit) -> None:
    """Some requests on one connection, of every kind."""
    link = await visit.link()
    for _ in range(visit.random.randrange(1, 20)):
        await visit.random.choice(KINDS)(visit, link)
    await link.close()


async def one_request(visit: Visit) -> None:
    """One request and the end, as HTTP/1.0 had it."""
    link = await visit.link()
    version = visit.random.choice(["1.0", "1.1"])
    size = visit.random.randrange(0, 100_000)
    path = visit.random.choice(["sized", "streamed", "download"])
    number, request = visit.head(f"/{path}?n={size}", "Connection: close", version=version)
    visit.check(await (await link.send(request)).answer(), number, 200, BODY[:size])
    if await link.rest():
        raise Wrong("something behind the last answer")
    await link.close()


async def pipelines(visit: Visit) -> None:
    """Many requests at once; the answers come in their order."""
    link = await visit.link()
    asked = []
    for _ in range(visit.random.randrange(2, 30)):
        body = visit.piece(20_000)
        asked.append((*visit.post("/echo", body), body))
    async with asyncio.TaskGroup() as group:
        group.create_task(link.send(b"".join([request for _, request, _ in asked])))
        for number, _, body in asked:
            visit.check(await link.answer(), number, 200, body)
    await link.close()


async def half_closes(visit: Visit) -> None:
    """A request, then FIN: the whole answer still comes (RFC 9112, 9.6)."""
    if visit.tls:
        return
    link = await visit.link()
    number, request = visit.head("/streamed?n=300000")
    await link.send(request)
    link.half_close()
    visit.check(await link.answer(), number, 200, BODY[:300_000])
    await link.rest()
    await link.close()


async def byte_by_byte(visit: Visit) -> None:
    """A head in pieces of a few bytes."""
    link = await visit.link()
    number, request = visit.head("/sized?n=10")
    while request:
        size = visit.random.randrange(1, 9)
        await link.send(request[:size])
        request = request[size:]
        await asyncio.sleep(0.002)
    visit.check(await link.answer(), number, 200, BODY[:10])
    await link.close()


async def reads_slowly(visit: Visit) -> None:
    """A large answer, read in small pieces; the server waits for as long as some of it is read."""
    link = await visit.link(small=True)
    number, request = visit.head(f"/{visit.random.choice(['sized', 'streamed', 'download'])}?n=2000000")
    await link.send(request)
    head = await link.head()
    await visit.pause(1.5)
    raw = b""
    wanted = len(BODY[:2_000_000])
    while len(raw) < wanted:
        part = await link.some(65_536)
        if not part:
            raise Wrong(f"the end after {len(raw)} bytes")
        raw += part
        await asyncio.sleep(0.001)
    if head.status != 200 or ("content-length" in head.fields and raw != BODY[:wanted]):
        raise Wrong(f"{head.status} with {len(raw)} bytes that are not the right ones")
    visit.left(number)
    link.reset()


async def uploads(visit: Visit) -> None:
    """A body in chunks, with pauses."""
    link = await visit.link()
    body = visit.piece(1_000_000)
    number, head = visit.chunked("/upload", [], last=b"")
    await link.send(head)
    at = 0
    while at < len(body):
        part = body[at : at + visit.random.randrange(1, 200_000)]
        await link.send(b"%x\r\n%b\r\n" % (len(part), part))
        at += len(part)
        await visit.pause(0.02)
    await link.send(b"0\r\n\r\n")
    visit.check(await link.answer(), number, 200, sum_of(body))
    await link.close()


async def expects(visit: Visit) -> None:
    """Expect: 100-continue, and the body after the 100 alone (RFC 9110, 10.1.1)."""
    link = await visit.link()
    body = visit.piece(50_000)
    number, head = visit.head("/echo", f"Content-Length: {len(body)}", "Expect: 100-continue", method="POST")
    if (await (await link.send(head)).head()).status != 100:
        raise Wrong("no 100")
    visit.check(await (await link.send(body)).answer(), number, 200, body)
    await link.close()


async def is_not_read(visit: Visit) -> None:
    """A large body that the application leaves unread: the answer comes, then the end."""
    link = await visit.link()
    number, request = visit.post("/unread", BODY[:3_000_000])
    sending = asyncio.ensure_future(link.send(request))
    visit.check(await link.answer(), number, 200, b"not read")
    await sending
    await link.rest()
    await link.close()


async def asks_for_failures(visit: Visit) -> None:
    """Applications that raise, before or within their answer, or send less than they said."""
    link = await visit.link()
    number, request = visit.head("/boom")
    visit.check(await (await link.send(request)).answer(), number, 500)
    number, request = visit.head(visit.random.choice(["/broken", "/short"]))
    answer = await (await link.send(request)).answer()
    if answer.whole or answer.status != 200:
        raise Wrong(f"{answer.status} was to be cut off, and was not")
    visit.left(number)
    await link.close()


# -- one request on a connection that stays


async def _get(visit: Visit, link: Link) -> None:
    size = visit.random.randrange(0, 70_000)
    number, request = visit.head(f"/{visit.random.choice(['sized', 'streamed', 'download'])}?n={size}")
    visit.check(await (await link.send(request)).answer(), number, 200, BODY[:size])


async def _head(visit: Visit, link: Link) -> None:
    number, request = visit.head("/sized?n=1000", method="HEAD")
    answer = visit.check(await (await link.send(request)).answer(head_only=True), number, 200)
    if answer.fields["content-length"] != "1000":
        raise Wrong("a HEAD without the length")


async def _post(visit: Visit, link: Link) -> None:
    body = visit.piece(100_000)
    number, request = visit.post("/echo", body)
    visit.check(await (await link.send(request)).answer(), number, 200, body)


async def _chunked(visit: Visit, link: Link) -> None:
    parts = [visit.piece(10_000) for _ in range(visit.random.randrange(1, 6))]
    number, request = visit.chunked("/echo", parts)
    visit.check(await (await link.send(request)).answer(), number, 200, b"".join(parts))


async def _redirect(visit: Visit, link: Link) -> None:
    number, request = visit.head("/redirect")
    visit.check(await (await link.send(request)).answer(), number, 302, b"")


async def _missing(visit: Visit, link: Link) -> None:
    number, request = visit.head("/nowhere")
    visit.check(await (await link.send(request)).answer(), number, 404)


async def _slow(visit: Visit, link: Link) -> None:
    number, request = visit.head(f"/slow?ms={visit.random.randrange(1, 60)}")
    visit.check(await (await link.send(request)).answer(), number, 200, b"slow")


KINDS = [_get, _get, _get, _get, _head, _post, _chunked, _redirect, _missing, _slow]
EVERY = [
    *[keeps_alive] * 6, one_request, one_request, pipelines, half_closes, byte_by_byte, reads_slowly, uploads, expects,
    is_not_read, asks_for_failures,
]  # fmt: skip
