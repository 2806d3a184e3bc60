"""Inputs for the fuzzer where atheris is not available: kept ones, changed at random, the same ones for the same seed.

Owns the changes, and the tokens that are worth putting in; libFuzzer gets the same tokens as its dictionary.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

LONGEST = 2048
TOKENS = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b"\t", b" ", b":", b";", b",", b'"', b"\\", b"%", b"#", b"?", b"/",
    b"\x7f", b"\x80", b"\xff", b"\x16\x03\x01", b"-", b"+", b"0x", b"_",
    b"GET ", b"POST ", b"HEAD ", b"OPTIONS * ", b"CONNECT a:1 ", b"PRI * HTTP/2.0\r\n\r\n",
    b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/1.2\r\n", b" HTTP/2.0\r\n", b"http://a", b"https://a", b"//", b"*",
    b"/unread", b"/stream", b"/lines", b"/bytes",
    b"Host: a\r\n", b"Host: [::1]:8\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n", b"Expect: 100-continue\r\n", b"Cookie: a=b\r\n",
    b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Content-Length: 18446744073709551616\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Content_Length: 3\r\n",
    b"X-Forwarded-For: a\r\n", b"A: b\r\n", b" folded\r\n",
    b"0\r\n\r\n", b"3\r\nabc\r\n", b"3;a=b\r\n", b'3;a="\\""\r\n', b"0000000000000003\r\n", b"7fffffffffffffff\r\n",
    b"0\r\nA: b\r\n\r\n", b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
]  # fmt: skip


def mutated(corpus: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Changed inputs, without end."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            change(data, corpus, chance)
        yield bytes(data[:LONGEST])


def change(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    """Change one thing."""
    at = chance.randint(0, len(data))
    to = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 64)))
    kind = chance.randrange(8)
    if kind == 0:
        data[at:to] = b""
    elif kind == 1:
        data[at:at] = data[at:to] * chance.choice((1, 1, 2, 20))
    elif kind == 2:
        data[at : at + chance.choice((0, 0, 1))] = bytes([chance.randrange(256)])
    elif kind == 3 and at < len(data):
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 4:
        other = chance.choice(corpus)
        cut = chance.randint(0, len(other))
        data[at:] = other[cut:]
    elif kind == 5:
        data += chance.choice(corpus)
    elif kind == 6:
        lines = bytes(data).split(b"\r\n")
        chance.shuffle(lines)
        data[:] = b"\r\n".join(lines)
    else:
        data[at : at if chance.random() < 0.6 else to] = chance.choice(TOKENS)
