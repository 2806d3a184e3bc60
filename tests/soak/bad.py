"""Clients that do not behave: they leave, stall, reset and lie, in every place where one can."""

from __future__ import annotations

import asyncio
import ssl

from tests.soak.link import Link, Wrong
from tests.soak.visit import BODY, Visit

# What no server may serve; each with the statuses that say so.
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


async def lies(visit: Visit) -> None:
    """Bad framing is refused, the connection ends, and nothing behind it is run."""
    link = await visit.link()
    lie, statuses = visit.random.choice(LIES)
    if not lie.startswith(b"\x16") and visit.random.random() < 0.5:
        number, request = visit.head("/sized?n=5")
        visit.check(await (await link.send(request)).answer(), number, 200, BODY[:5])
    number, smuggled = visit.head("/sized?n=6")
    sending = asyncio.ensure_future(link.send(lie + smuggled))
    visit.refused(await link.answer(), *statuses)
    await sending
    if await link.rest():
        raise Wrong(f"something behind a refusal: {lie[:80]!r}")
    await link.close()


async def lies_in_chunks(visit: Visit) -> None:
    """A malformed chunk ends the request with 400."""
    link = await visit.link()
    number, request = visit.chunked("/echo", [b"good"], last=visit.random.choice(BAD_CHUNKS) + b"0\r\n\r\n")
    visit.check(await (await link.send(request)).answer(), number, 400)
    await link.rest()
    await link.close()


async def lies_about_length(visit: Visit) -> None:
    """Fewer bytes than were said, then FIN; or more, which are no request."""
    link = await visit.link()
    if visit.tls or visit.random.random() < 0.5:
        number, request = visit.post("/echo", b"abc")
        answer = await (await link.send(request + b"\x01surplus\r\n\r\n")).answer()
        visit.check(answer, number, 200, b"abc")
        visit.refused(await link.answer(), 400)
    else:
        number, request = visit.head("/echo", "Content-Length: 1000", method="POST")
        await link.send(request + b"x" * 10)
        link.half_close()
        visit.check(await link.answer(), number, 400)
    await link.rest()
    await link.close()


async def leaves_in_head(visit: Visit) -> None:
    """A part of a head, and away."""
    link = await visit.link()
    _, request = visit.head("/sized?n=10")
    await link.send(request[: visit.random.randrange(0, len(request) - 1)])
    visit.ledger.excuse()
    await _leave(visit, link)


async def leaves_in_body(visit: Visit) -> None:
    """A part of a body, and away; an answer or none, but one line."""
    link = await visit.link()
    if visit.random.random() < 0.5:
        _, request = visit.post(visit.random.choice(["/echo", "/upload", "/unread"]), visit.piece(100_000))
    else:
        _, request = visit.chunked("/upload", [visit.piece(50_000), visit.piece(50_000)])
    least = request.index(b"\r\n\r\n") + 4
    await link.send(request[: visit.random.randrange(least, len(request))])
    await _leave(visit, link)


async def leaves_in_answer(visit: Visit) -> None:
    """A part of a large answer, and away."""
    link = await visit.link(small=visit.random.random() < 0.5)
    number, request = visit.head(f"/{visit.random.choice(['streamed', 'download', 'sized'])}?n=4000000")
    await link.send(request)
    await link.head()
    visit.left(number)
    for _ in range(visit.random.randrange(0, 5)):
        await link.some(65_536)
    await _leave(visit, link)


async def leaves_at_once(visit: Visit) -> None:
    """A whole request, and away before any answer; it may never have been seen."""
    link = await visit.link()
    _, request = visit.head(visit.random.choice(["/sized?n=100", "/slow?ms=30", "/streamed?n=500000"]))
    await link.send(request)
    await _leave(visit, link)


async def leaves_a_pipeline(visit: Visit) -> None:
    """Many requests at once, some answers, and away."""
    link = await visit.link()
    asked = [visit.head(f"/streamed?n={visit.random.randrange(1, 50_000)}") for _ in range(20)]
    await link.send(b"".join(request for _, request in asked))
    for number, _ in asked[: visit.random.randrange(0, 10)]:
        visit.check(await link.answer(), number, 200)
    await _leave(visit, link)


async def stalls_in_head(visit: Visit) -> None:
    """A part of a head, then nothing: 408 when the time is up (RFC 9110, 15.5.9)."""
    link = await visit.link()
    _, request = visit.head("/sized?n=10")
    await link.send(request[: visit.random.randrange(5, len(request) - 1)])
    visit.refused(await link.answer(), 408)
    await link.rest()
    await link.close()


async def stalls_in_body(visit: Visit) -> None:
    """A part of a body, then nothing: 408."""
    link = await visit.link()
    if visit.random.random() < 0.5:
        number, request = visit.head("/echo", "Content-Length: 50", method="POST")
    else:
        number, request = visit.chunked("/upload", [b"some"], last=b"5\r\nab")
    visit.check(await (await link.send(request)).answer(), number, 408)
    await link.rest()
    await link.close()


async def stalls_in_answer(visit: Visit) -> None:
    """Reads nothing of a large answer for a while; then all of it, or away."""
    link = await visit.link(small=True)
    number, request = visit.head("/streamed?n=4000000")
    await link.send(request)
    await visit.pause(4)
    if visit.random.random() < 0.5:
        visit.check(await link.answer(), number, 200, BODY)
    await _leave(visit, link)


async def says_nothing(visit: Visit) -> None:
    """A connection that is opened, and left to the server to end; that is not logged."""
    link = await visit.link()
    if visit.random.random() < 0.5:
        await visit.pause(2)
    elif await link.rest():
        raise Wrong("an answer to nothing")
    await _leave(visit, link)


async def does_not_trust(visit: Visit) -> None:
    """A client that refuses the certificate."""
    if visit.tls:
        try:
            await Link(visit.port, ssl.create_default_context()).open()
        except ssl.SSLCertVerificationError:
            return
        raise Wrong("a certificate that nobody signed was trusted")


async def speaks_the_other(visit: Visit) -> None:
    """Plain HTTP to the port that is TLS, and the reverse."""
    if visit.tls:
        link = await Link(visit.port, None).open()
        _, request = visit.head("/")
        visit.refused(await (await link.send(request)).answer(), 400)
        await link.rest()
        await link.close()
        return
    try:
        await Link(visit.port, ssl.create_default_context()).open()
    except (ssl.SSLError, ConnectionError):
        visit.ledger.excuse()
    else:
        raise Wrong("TLS on a plain port")


async def _leave(visit: Visit, link: Link) -> None:
    if visit.random.random() < 0.5:
        link.reset()
    else:
        await link.close()


EVERY = [
    lies, lies, lies_in_chunks, lies_about_length, leaves_in_head, leaves_in_body, leaves_in_body, leaves_in_answer,
    leaves_in_answer, leaves_at_once, leaves_at_once, leaves_a_pipeline, stalls_in_head, stalls_in_body,
    stalls_in_answer, says_nothing, speaks_the_other, does_not_trust,
]  # fmt: skip
