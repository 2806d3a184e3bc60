"""The relay between an editor and a worker's debugger: what one has said reaches the other, also at the end."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import pytest

from appliance.supervisor.debugger import dap_proxy
from appliance.supervisor.debugger.dap import Frames, framed
from appliance.supervisor.debugger.dap_proxy import DapProxy
from appliance.supervisor.loop import Loop
from tests.supervisor.fakes import FakeLoop

BIG = b'"' + b"x" * 300_000 + b'"'  # more than a socket's buffer takes
ATTACH = json.dumps({"seq": 1, "type": "request", "command": "attach", "arguments": {"restart": True}}).encode()


@dataclass
class Scene:
    """A proxy with its two ends, as an editor and a debugger hold them."""

    editor: socket.socket
    debugger: socket.socket
    ended: threading.Event


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A relay that runs, between two sockets of small buffers."""
    with ExitStack() as stack:
        door = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        editor = stack.enter_context(socket.socket())
        editor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        editor.settimeout(10)
        editor.connect(door.getsockname())
        client, _ = door.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        loop, ended = Loop(), threading.Event()
        stack.callback(loop.close)
        relay = DapProxy(loop, client, lambda _: ended.set())
        loop.post(lambda: relay.connect(listener.getsockname()[1]))
        thread = threading.Thread(target=loop.run)
        thread.start()
        for end in (thread.join, loop.stop, lambda: loop.post(relay.close)):
            stack.callback(end)
        debugger, _ = listener.accept()
        debugger.settimeout(10)
        yield Scene(editor, stack.enter_context(debugger), ended)


def everything(sock: socket.socket) -> list[bytes]:
    """All messages until the other side's end."""
    frames, messages = Frames(), list[bytes]()
    while data := sock.recv(4096):
        messages += frames.feed(data)
    return messages


def say(sock: socket.socket) -> None:
    """More than fits, and then nothing."""
    sock.sendall(framed(BIG) * 4)
    sock.shutdown(socket.SHUT_WR)


def test_what_a_debugger_said_last_arrives(scene: Scene):
    """A debugger that says much and goes is heard to its last word, then its end is sent, with the restart."""
    scene.editor.sendall(framed(ATTACH))
    assert scene.debugger.recv(4096) == framed(ATTACH)
    sender = threading.Thread(target=say, args=(scene.debugger,))
    sender.start()
    *said, end = everything(scene.editor)
    sender.join()
    assert said == [BIG] * 4
    assert json.loads(end)["body"] == {"restart": True}
    assert scene.ended.wait(10)


def test_what_an_editor_said_last_arrives(scene: Scene):
    """An editor that ends its side is heard to its last word, and still hears what the debugger answers."""
    sender = threading.Thread(target=say, args=(scene.editor,))
    sender.start()
    assert everything(scene.debugger) == [BIG] * 4
    sender.join()
    scene.debugger.sendall(framed(b"{}"))
    scene.debugger.close()
    assert everything(scene.editor)[0] == b"{}"
    assert scene.ended.wait(10)


def test_a_side_that_has_gone_ends_the_other(scene: Scene):
    """When an editor is killed, its debugger receives the end, whatever it sends."""
    scene.editor.close()
    assert scene.debugger.recv(1) == b""
    scene.debugger.close()
    assert scene.ended.wait(10)


def test_another_protocol_ends_it(scene: Scene):
    """Bytes that are not frames end both sides, and the frames that were whole before them arrive."""
    scene.debugger.sendall(framed(b"{}") + b"Content-Length: 999999999\r\n\r\n")
    assert everything(scene.editor)[0] == b"{}"
    assert scene.ended.wait(10)


class Watching(FakeLoop):
    """A loop that calls nothing by itself: the test says which descriptor is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[socket.socket, tuple[Callable[[], None], bool, bool]] = {}

    def watch(self, sock: socket.socket, call: Callable[[], None], *, read: bool = True, write: bool = False) -> None:
        """As the loop's."""
        assert sock.fileno() >= 0, "a closed socket is watched"
        self.watched[sock] = (call, read, write)

    def unwatch(self, sock: socket.socket) -> None:
        """As the loop's."""
        assert sock.fileno() >= 0, "a socket was closed before it was unwatched"
        self.watched.pop(sock, None)

    def reads(self, sock: socket.socket) -> bool:
        """Whether this socket is read when it can be."""
        return sock in self.watched and self.watched[sock][1]

    def writes(self, sock: socket.socket) -> bool:
        """Whether this socket is written when it can be."""
        return sock in self.watched and self.watched[sock][2]

    def ready(self, sock: socket.socket) -> None:
        """The kernel says that something can be done with this socket."""
        self.watched[sock][0]()


class Still:
    """A proxy whose loop does nothing by itself, with both ends as an editor and a debugger hold them."""

    def __init__(self, stack: ExitStack) -> None:
        self.loop = Watching()
        self.ends: list[DapProxy] = []
        self.client, self.editor = socket.socketpair()
        self.proxy = DapProxy(cast("Loop", self.loop), self.client, self.ends.append)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.proxy.connect(listener.getsockname()[1])
            self.debugger, _ = listener.accept()
        self.to_debugger = next(sock for sock in self.loop.watched if sock is not self.client)
        for each in (self.client, self.editor, self.to_debugger, self.debugger):
            each.setblocking(False)
            stack.callback(each.close)

    @property
    def client_ended(self) -> bool:
        """Whether the proxy has read the editor's end."""
        return self.proxy._client.ended

    def waits_for_debugger(self) -> int:
        """How many bytes wait for the debugger."""
        debugger = self.proxy._debugger
        assert debugger is not None
        return len(debugger.unsent)


@pytest.fixture
def still() -> Iterator[Still]:
    """A proxy that does what the test says."""
    with ExitStack() as stack:
        yield Still(stack)


def send_some(sock: socket.socket, data: bytes) -> bytes:
    """Send the bytes that fit, and return the rest."""
    with contextlib.suppress(BlockingIOError):
        while data:
            data = data[sock.send(data) :]
    return data


def received(sock: socket.socket) -> bytes:
    """Return the bytes that can be read now."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while more := sock.recv(65_536):
            data += more
    return data


def fill(still: Still) -> bytes:
    """Let the editor send until the proxy does not read it any more; return what the editor has sent."""
    message = framed(b"x" * 10_000)
    sent, unsent = b"", b""
    while still.loop.reads(still.client):
        assert len(sent) < 100_000_000, "a side that does not read holds up nobody"
        unsent = unsent or message
        rest = send_some(still.editor, unsent)
        sent, unsent = sent + unsent[: len(unsent) - len(rest)], rest
        still.loop.ready(still.client)
    return sent


@pytest.mark.whole
def test_a_side_that_does_not_read_holds_up_the_other(still: Still):
    """Above the bytes that may wait for one side the other side is not read, until enough of them are sent."""
    sent = fill(still)
    assert dap_proxy.MAX_UNSENT < still.waits_for_debugger() <= dap_proxy.MAX_UNSENT + 2 * dap_proxy.CHUNK
    assert still.loop.writes(still.to_debugger)
    assert still.loop.reads(still.to_debugger)  # the other direction goes on
    send_some(still.editor, framed(b"more"))
    waits = still.waits_for_debugger()
    assert still.proxy._debugger is not None
    still.proxy._client_is_ready()  # if it were ready all the same
    assert still.waits_for_debugger() <= waits
    arrived = b""
    while not still.loop.reads(still.client):
        arrived += received(still.debugger)
        still.loop.ready(still.to_debugger)
    assert still.waits_for_debugger() <= dap_proxy.MAX_UNSENT
    while still.waits_for_debugger() or still.loop.writes(still.to_debugger):
        arrived += received(still.debugger)
        still.loop.ready(still.to_debugger)
    arrived += received(still.debugger)
    assert sent.startswith(arrived)
    assert still.ends == []


@pytest.mark.whole
def test_exactly_so_many_bytes_may_wait(still: Still):
    """A side is read while as many bytes as may wait for the other side do, and not with one more."""
    debugger = still.proxy._debugger
    assert debugger is not None
    fill(still)
    for number, reads in ((dap_proxy.MAX_UNSENT, True), (dap_proxy.MAX_UNSENT + 1, False)):
        debugger.unsent[:] = bytes(number)
        still.proxy._watch()
        assert still.loop.reads(still.client) is reads


@pytest.mark.whole
def test_the_rest_has_a_limited_time(still: Still):
    """Once one side has ended, what still waits for the other side has LINGER_S; then both are closed."""
    fill(still)
    still.editor.close()
    while not still.client_ended:
        received(still.debugger)
        still.loop.ready(still.to_debugger)
        if still.loop.reads(still.client):
            still.loop.ready(still.client)
    assert still.ends == []
    still.loop.ready(still.to_debugger)
    still.loop.advance(dap_proxy.LINGER_S - 0.001)
    assert still.ends == []
    assert still.loop.watched
    still.loop.advance(0.001)
    assert still.ends == [still.proxy]
    assert (still.client.fileno(), still.to_debugger.fileno()) == (-1, -1)
    assert still.loop.watched == {}


def test_the_time_begins_with_the_first_end(still: Still):
    """Bytes that are forwarded after the end of one side do not extend its time."""
    send_some(still.editor, framed(b"x"))
    still.editor.shutdown(socket.SHUT_WR)
    while not still.client_ended:
        still.loop.ready(still.client)
    still.loop.advance(dap_proxy.LINGER_S / 2)
    send_some(still.debugger, framed(b"{}"))
    still.loop.ready(still.to_debugger)
    assert received(still.editor) == framed(b"{}")
    still.loop.advance(dap_proxy.LINGER_S / 2)
    assert still.ends == [still.proxy]


def test_a_proxy_that_is_closed_twice_ends_once(still: Still):
    """A proxy ends once, and tells the editor once, however often it is closed, and whatever comes due later."""
    send_some(still.editor, framed(ATTACH))
    still.loop.ready(still.client)
    still.debugger.shutdown(socket.SHUT_WR)
    send_some(still.editor, framed(b"x"))
    still.loop.ready(still.client)
    still.proxy.close()
    still.proxy.close()
    still.loop.advance(2 * dap_proxy.LINGER_S)
    assert still.ends == [still.proxy]
    frames = list(Frames().feed(received(still.editor)))
    assert [json.loads(each)["event"] for each in frames] == ["terminated"]
    assert still.loop.watched == {}


def test_a_client_without_a_debugger_is_closed_without_a_message():
    """A client that waits for a debugger is closed without a message, once."""
    client, editor = socket.socketpair()
    ends: list[DapProxy] = []
    loop = Watching()
    with editor:
        proxy = DapProxy(cast("Loop", loop), client, ends.append)
        assert proxy.waits
        assert loop.watched == {}  # what it says waits in the kernel
        proxy.close()
        proxy.close()
        assert editor.recv(1) == b""
    assert (ends, client.fileno()) == ([proxy], -1)


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A real loop, which ends after a time."""
    made = Loop()
    made.call_later(10.0, made.stop)
    yield made
    made.close()


@pytest.mark.parametrize("said", [b"", framed(ATTACH)], ids=["silent", "said"])
def test_a_refused_connection_ends_the_client(loop: Loop, said: bytes):
    """If nothing listens on a worker's port any longer, the editor hears that the debugger has ended."""
    ends: list[DapProxy] = []

    def ended(proxy: DapProxy) -> None:
        ends.append(proxy)
        loop.stop()

    client, editor = socket.socketpair()
    with editor, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        proxy = DapProxy(loop, client, ended)
        editor.sendall(said)
        proxy.connect(taken.getsockname()[1])
        loop.run()
        assert ends == [proxy]
        (end,) = everything(editor)
    assert json.loads(end)["event"] == "terminated"
    assert json.loads(end)["body"] == ({"restart": True} if said else {})


def test_the_last_bytes_of_a_debugger_that_dies_arrive(still: Still):
    """If the last send to a debugger fails, its last bytes still arrive, and then its end, with the restart."""
    send_some(still.editor, framed(ATTACH))
    still.loop.ready(still.client)
    assert received(still.debugger) == framed(ATTACH)
    send_some(still.debugger, framed(b"{}"))
    send_some(still.editor, framed(b"1"))
    still.loop.ready(still.client)  # what a process has not read when it dies makes the kernel reset the connection
    still.debugger.close()
    send_some(still.editor, framed(b"2"))
    still.loop.ready(still.client)
    still.loop.ready(still.to_debugger)
    while not still.ends:
        still.loop.ready(still.to_debugger)
    said, end = Frames().feed(received(still.editor))
    assert said == b"{}"
    assert json.loads(end)["body"] == {"restart": True}
