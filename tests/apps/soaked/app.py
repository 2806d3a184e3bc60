"""Everything that a response can be, for tests under load: the path says what, the query how much."""

import base64
import ctypes
import gc
import hashlib
import pathlib
import struct
import sys
import threading
import zlib
from urllib.parse import parse_qs

BLOCK = bytes(range(251)) * 261  # 65,511 bytes: no power of two, so that a shifted byte shows
TICK_MS = 50


def content(size):
    """The first so many bytes of what never changes."""
    times, rest = divmod(size, len(BLOCK))
    return BLOCK * times + BLOCK[:rest]


def blocks(size):
    """The same, piece by piece."""
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


def application(environ, start_response):
    path = environ["PATH_INFO"].strip("/")
    query = {name: int(values[0]) for name, values in parse_qs(environ["QUERY_STRING"]).items() if values[0].isdigit()}
    return ROUTES.get(path, missing)(environ, start_response, query)


def plain(start_response, status="200 OK", *headers):
    start_response(status, [("Content-Type", "application/octet-stream"), *headers])


def missing(environ, start_response, query):
    plain(start_response, "404 Not Found")
    return [b"there is no such path"]


def sized(environ, start_response, query):
    plain(start_response)
    return [content(query["n"])]


def streamed(environ, start_response, query):
    plain(start_response)
    return blocks(query["n"])


def download(environ, start_response, query):
    plain(start_response, "200 OK", ("Content-Length", str(query["n"])))
    return blocks(query["n"])


def echo(environ, start_response, query):
    body = environ["wsgi.input"].read()
    plain(start_response)
    return [body]


def upload(environ, start_response, query):
    size = check = 0
    while piece := environ["wsgi.input"].read(65536):
        size += len(piece)
        check = zlib.crc32(piece, check)
    plain(start_response)
    return [b"%d %d" % (size, check)]


def unread(environ, start_response, query):
    plain(start_response)
    return [b"not read"]


def slow(environ, start_response, query):
    threading.Event().wait(query["ms"] / 1000)
    plain(start_response)
    return [b"slow"]


def boom(environ, start_response, query):
    raise LookupError("asked to fail")


def broken(environ, start_response, query):
    def items():
        yield BLOCK
        raise LookupError("asked to fail in the middle")

    plain(start_response)
    return items()


def short(environ, start_response, query):
    plain(start_response, "200 OK", ("Content-Length", "100"))
    return [b"x" * 50]


def redirect(environ, start_response, query):
    start_response("302 Found", [("Location", "/sized?n=7")])
    return []


def form(environ, start_response, query):
    fields = parse_qs(environ["wsgi.input"].read().decode())
    plain(start_response)
    return [repr(sorted(fields.items())).encode()]


def settle(environ, start_response, query):
    """Give back what is free, so that what is held can be seen; how many objects live."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    plain(start_response)
    return [b"%d" % sys.getallocatedblocks()]


def events(environ, start_response, query):
    def items():
        never = threading.Event()
        number = 0
        while not query.get("n") or number < query["n"]:
            number += 1
            yield b"data: %d\n\n" % number
            never.wait(query.get("ms", TICK_MS) / 1000)

    start_response("200 OK", [("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")])
    return items()


def websocket(environ, start_response, query):
    """Sends each message back, until the client closes."""
    sock = environ["werkzeug.socket"]
    key = environ["HTTP_SEC_WEBSOCKET_KEY"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    sock.send("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
    try:
        while True:
            opcode, payload = frame(sock)
            sock.send(bytes([0x80 | opcode, len(payload)]) + payload)
            if opcode == 8:
                break
    except EOFError:
        pass
    sock.close()
    return []


def exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def frame(sock):
    """One masked frame of less than 126 bytes (RFC 6455, 5.2)."""
    first, second = struct.unpack("BB", exactly(sock, 2))
    mask = exactly(sock, 4)
    payload = exactly(sock, second & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def page(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [pathlib.Path(__file__).with_name("page.html").read_bytes()]


def memory(environ, start_response, query):
    """What this process holds, in KiB, the file pages that all share left out."""
    plain(start_response)
    with open("/proc/self/status") as status:
        return [line.split()[1].encode() for line in status if line.startswith("RssAnon")]


HANDLERS = (
    sized, streamed, download, echo, upload, unread, slow, boom, broken, short, redirect, form, settle, memory, events,
    websocket, page,
)
ROUTES = {each.__name__: each for each in HANDLERS}
