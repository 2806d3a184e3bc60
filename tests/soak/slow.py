"""Clients that are slow, many at a time: they get their answers, and nobody waits for them."""

from __future__ import annotations

import asyncio

from tests.soak.link import Link, Wrong
from tests.soak.visit import BODY, Visit, sum_of

MANY = 24  # at a time, more than threads
PROMPT_S = 5.0  # for a plain answer beside them: a machine under this load has little time


async def many_read_slowly(visit: Visit) -> None:
    """Large answers, of which nothing is read for a while; a plain one beside them; then all of each, or away."""
    path = visit.random.choice(["sized", "streamed", "download"])
    asked = []
    for _ in range(MANY):
        link = await visit.link(small=visit.random.random() < 0.5)
        number, request = visit.head(f"/{path}?n=4000000")
        asked.append((await link.send(request), number))
    await _is_prompt(visit)
    await visit.pause(2)
    for link, number in asked:
        way = visit.random.randrange(3)
        if way == 0:
            visit.check(await link.answer(), number, 200, BODY)
            await link.close()
        elif way == 1:
            link.reset()
        else:
            await link.close()


async def many_send_slowly(visit: Visit) -> None:
    """Bodies of which the end does not come for a while; a plain request beside them; then the end, or away."""
    begun = []
    for _ in range(MANY):
        link = await visit.link()
        body = visit.piece(200_000)
        if visit.random.random() < 0.5:
            number, request = visit.post("/upload", body)
        else:
            number, request = visit.chunked("/upload", [body[:1000], body])
            body = body[:1000] + body
        cut = visit.random.randrange(request.index(b"\r\n\r\n") + 4, len(request))
        begun.append((await link.send(request[:cut]), request[cut:], number, body))
    await _is_prompt(visit)
    await visit.pause(1)
    for link, rest, number, body in begun:
        if visit.random.random() < 0.7:
            visit.check(await (await link.send(rest)).answer(), number, 200, sum_of(body))
        await link.close()


async def reads_in_drips(visit: Visit) -> None:
    """A large answer, read in drips for as long as that takes; what follows on the connection is answered behind it."""
    link = await visit.link(small=True)
    number, request = visit.head(f"/{visit.random.choice(['sized', 'download'])}?n=1500000")
    behind, next_request = visit.head("/sized?n=5")
    await link.send(request + next_request)
    head = await link.head()
    raw = b""
    while len(raw) < 1_500_000:
        part = await link.some(min(16_384, 1_500_000 - len(raw)))
        if not part:
            raise Wrong(f"the end after {len(raw)} bytes")
        raw += part
        await asyncio.sleep(0.005)
    if head.status != 200 or raw != BODY[:1_500_000]:
        raise Wrong(f"{head.status} with bytes that are not the right ones")
    visit.left(number)
    visit.check(await link.answer(), behind, 200, BODY[:5])
    await link.close()


async def gives_up_waiting(visit: Visit) -> None:
    """Requests that occupy every thread, and others that leave meanwhile; who only ends its half is answered."""
    busy: list[tuple[Link, int]] = []
    for _ in range(MANY // 2):
        link = await visit.link()
        number, request = visit.head("/slow?ms=60")
        busy.append((await link.send(request), number))
    for _ in range(4):
        link = await visit.link()
        await link.send(visit.head("/sized?n=10")[1])
        await link.close()
    half = await visit.link()
    number, request = visit.head("/sized?n=7")
    await half.send(request)
    if not visit.tls:
        half.half_close()
    for link, slow in busy:
        visit.check(await link.answer(), slow, 200, b"slow")
        await link.close()
    visit.check(await half.answer(), number, 200, BODY[:7])
    await half.close()


async def _is_prompt(visit: Visit) -> None:
    """A plain request, answered soon.

    Raises:
        Wrong: it was not.
    """
    link = await visit.link()
    number, request = visit.head("/sized?n=9")
    try:
        answer = await asyncio.wait_for((await link.send(request)).answer(), PROMPT_S)
    except TimeoutError:
        raise Wrong(f"a plain request was not answered within {PROMPT_S} s beside slow ones") from None
    visit.check(answer, number, 200, BODY[:9])
    await link.close()


EVERY = [many_read_slowly, many_send_slowly, reads_in_drips, reads_in_drips, gives_up_waiting]
