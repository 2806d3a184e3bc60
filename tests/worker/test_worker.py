"""A worker that is started cold, as its supervisor sees it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from appliance.protocol import messages
from appliance.protocol.page_messages import Importing
from tests.worker.snapshot.snapshot_player import SECONDS, Child, Player, target

# Its import waits twice: before gevent patches the standard library, and afterwards, while no event loop is there.
PATCHED = """
import _thread, gc, sys
main, ident = _thread.get_ident(), _thread.get_ident
elsewhere = []

class Finder:
    def find_spec(self, name, path=None, target=None):
        if ident() != main:
            elsewhere.append(name)

sys.meta_path.insert(0, Finder())
with open("{folder}/before") as file:
    file.read()
from gevent import monkey
monkey.patch_all()
with open("{folder}/after") as file:
    file.read()
from gevent.hub import Hub
elsewhere += [each for each in gc.get_objects() if isinstance(each, Hub)]
if elsewhere:
    raise RuntimeError(f"other threads import, or have loops: {elsewhere}")

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]
"""

# The parent waits for its child, so that it becomes ready after the child has done whatever it does.
FORKS = """
import os
child = os.fork()
if child == 0:
    {child}
else:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%d" % status]
"""


def handed_over(player: Player, worker: Child) -> socket.socket:
    """Return a client whose connection another process has accepted, and gives to this worker."""
    client = socket.create_connection(player.listener.getsockname(), SECONDS)
    accepted, _ = player.listener.accept()
    with accepted:
        worker.channel.send(messages.TakeConnections(early=[""]), [accepted.fileno()])
    return client


def answer(client: socket.socket) -> bytes:
    """Return the server's answer to a last request."""
    with client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_an_unfinished_import_that_gevent_patches_does_not_wait_forever(tmp_path: Path):
    """A worker that is asked about its import, or takes connections, imports nothing beside it, and has no other loop.

    Else the import waits forever: its first event loop needs a module that the other thread imports just then.
    """
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(PATCHED.replace("{folder}", str(tmp_path)), encoding="utf-8")
    pipes = [tmp_path / "before", tmp_path / "after"]
    for pipe in pipes:
        os.mkfifo(pipe)
    player = Player(root, sys.executable, target(root), [])
    try:
        worker = player.spawn()
        player.serve(worker, [], worker)
        clients = []
        for pipe in pipes:
            with pipe.open("w"):  # opened once the import reads it
                clients.append(handed_over(player, worker))
                worker.channel.send(messages.ServeUnfinishedImport())
                assert worker.expect(Importing, messages.Failed).file == "app.py"
        worker.expect(messages.Ready, messages.Failed)
        worker.channel.send(messages.StartAccepting())
        assert player.get() == "served"
        for client in clients:
            assert answer(client).endswith(b"served")
    finally:
        player.close()


@pytest.mark.parametrize(
    ("child", "status", "printed"),
    [
        ("raise SystemExit(3)", "3", b""),
        ("raise ValueError('in the child')", "1", b"ValueError: in the child"),
        ("pass", "0", b"only its parent serves the project"),
    ],
)
def test_a_child_of_the_import_does_not_speak_for_the_worker(tmp_path: Path, child: str, status: str, printed: bytes):
    """A process that the import forks ends when it leaves the import, and the worker serves as if there were none."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(FORKS.replace("{child}", child), encoding="utf-8")
    player = Player(root, sys.executable, target(root), [])
    try:
        worker = player.spawn()
        player.serve(worker, [], worker)
        worker.expect(messages.Ready, messages.Failed)
        worker.channel.send(messages.StartAccepting())
        assert player.get() == status
        assert printed in worker.printed()
    finally:
        player.close()
