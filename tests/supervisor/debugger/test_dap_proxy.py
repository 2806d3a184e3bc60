"""The relay between an editor and a worker's debugger: what one has said reaches the other, also at the end."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from appliance.supervisor.debugger.dap import Frames, framed
from appliance.supervisor.debugger.dap_proxy import DapProxy
from appliance.supervisor.loop import Loop

BIG = b'"' + b"x" * 300_000 + b'"'  # more than a socket's buffer takes
ATTACH = json.dumps({"seq": 1, "type": "request", "command": "attach", "arguments": {"restart": True}}).encode()


@dataclass
class Scene:
    """Both ends, as an editor and a debugger hold them."""

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
        for each in (loop._woken, loop.wake_descriptor, loop._selector):
            stack.callback(each.close)
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
    """More than fits, and then no more."""
    sock.sendall(framed(BIG) * 4)
    sock.shutdown(socket.SHUT_WR)


def test_what_a_debugger_said_last_arrives(scene: Scene):
    """A debugger that says much and goes is heard to its last word, then its end is told, with the restart."""
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
    """When an editor is killed its debugger is told of the end, whatever it sends."""
    scene.editor.close()
    assert scene.debugger.recv(1) == b""
    scene.debugger.close()
    assert scene.ended.wait(10)


def test_another_protocol_ends_it(scene: Scene):
    """Bytes that are no frames end both sides, and what was whole before them arrives."""
    scene.debugger.sendall(framed(b"{}") + b"Content-Length: 999999999\r\n\r\n")
    assert everything(scene.editor)[0] == b"{}"
    assert scene.ended.wait(10)
