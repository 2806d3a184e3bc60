"""Play the supervisor of a snapshot: start a preloader, have its fork import a project, and fork workers from that."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from appliance.protocol import messages
from appliance.protocol.channel import Channel, ChannelError
from appliance.protocol.inflight import Reading
from appliance.protocol.record import Message
from appliance.protocol.snapshot_messages import (
    CheckpointReached,
    Fingerprints,
    GoOn,
    ImportAhead,
    SnapshotReady,
    SwapDeclined,
    Verify,
)
from appliance.protocol.start.first_messages import Preload, Start
from appliance.supervisor.processes.child_starts import ENTRY

SECONDS = 30.0
Kind = TypeVar("Kind", bound=Message)


@cache
def pythons() -> list[str]:
    """The interpreters of this machine that can swap: 3.12 and newer."""
    found = [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))]
    found += [each for minor in range(12, 16) if (each := shutil.which(f"python3.{minor}")) and "shims" not in each]
    return [each for each in [sys.executable, *found] if _can_swap(each)]


def _can_swap(python: str) -> bool:
    ran = subprocess.run([python, "-c", "import sys; sys.monitoring"], capture_output=True, check=False)
    return ran.returncode == 0


@dataclass
class Child:
    """One process, as its supervisor sees it."""

    channel: Channel
    outputs: list[int]
    pid: int = 0
    received: list[Message] = field(default_factory=list)
    text: bytes = b""

    def expect(self, kind: type[Kind], *others: type[Message]) -> Kind:
        """Return the next message of this kind; ``others``: kinds that may not come before."""
        message = self.next_of(kind, *others)
        assert isinstance(message, kind), message
        return message

    def next_of(self, *kinds: type[Message]) -> Message:
        """Return the first message of one of these kinds; the others stay."""
        end = time.monotonic() + SECONDS
        while True:
            for place, message in enumerate(self.received):
                if isinstance(message, kinds):
                    del self.received[place]
                    return message
            assert select.select([self.channel.fileno()], [], [], end - time.monotonic())[0], self.printed()
            try:
                for message, descriptors in self.channel.receive():
                    for number in descriptors:
                        os.close(number)
                    self.received.append(message)
            except ChannelError:
                raise AssertionError(f"it ended: {self.received} {self.printed()!r}") from None

    def printed(self) -> bytes:
        """Return the output of the process."""
        for number in self.outputs:
            while select.select([number], [], [], 0)[0] and (data := os.read(number, 65536)):
                self.text += data
        return self.text

    def close(self) -> None:
        """Let it end."""
        self.channel.close()
        for number in self.outputs:
            os.close(number)
        self.outputs = []


class Player:
    """One project, its preloader and its snapshot."""

    def __init__(self, root: Path, python: str, target: Any, preload: list[str]) -> None:
        self.root = root
        self.python = python
        self.target = target
        self.preload = preload
        self.children: list[Child] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.options: Any = {
            "threads": 4, "adapter": None, "allowed_hosts": ["*"], "trusted_proxies": [], "workspace_hosts": [],
            "debugger": None, "removed": [], "watched": r"\.(py|html|json|txt)\Z", "pages": None, "error_pages": {},
            "records": False, "mail": "", "tracing": None, "tls": None, "limits": {},
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None
        self.code = root.parent / "code"
        self.generation = 1

    def spawn(self) -> Child:
        """Start a process of the project's side; return it once it has said hello."""
        ours, theirs = Channel.pair()
        out, err = os.pipe(), os.pipe()
        self.process = subprocess.Popen(
            [self.python, str(ENTRY), str(theirs.fileno())],
            stdin=subprocess.DEVNULL, stdout=out[1], stderr=err[1], pass_fds=[theirs.fileno()], cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )  # fmt: skip
        for number in (out[1], err[1]):
            os.close(number)
        theirs.close()
        child = self._add(Child(Channel(ours), [out[0], err[0]], self.process.pid))
        child.expect(messages.Hello)
        return child

    def start(self) -> Child:
        """Start the preloader; return it once it can fork."""
        self.preloader = self.spawn()
        note = os.memfd_create("note")
        self.preloader.channel.send(
            Preload(str(self.root), self.target["search_path"], self.preload, [], [], proven=True),
            [note],
        )
        os.close(note)
        ready = self.preloader.expect(messages.Preloaded)
        assert not ready.found, ready
        assert not ready.refused, ready
        return self.preloader

    def fork(self, parent: Child) -> Child:
        """Return a fork of a process, once it has said hello."""
        ours, theirs = Channel.pair()
        out, err = os.pipe(), os.pipe()
        parent.channel.send(messages.Fork(), [theirs.fileno(), out[1], err[1]])
        for number in (out[1], err[1]):
            os.close(number)
        theirs.close()
        child = self._add(Child(Channel(ours), [out[0], err[0]]))
        child.pid = child.expect(messages.Hello).pid
        return child

    def import_ahead(self, **options: Any) -> tuple[Child, SnapshotReady]:
        """Return a new snapshot, and what it has reported."""
        snapshot = self.begin_import([], **options)
        return snapshot, snapshot.expect(SnapshotReady)

    def begin_import(self, before: list[str], **options: Any) -> Child:
        """Return a process that imports ahead, and pauses before these files."""
        snapshot = self.fork(self.preloader)
        snapshot.channel.send(
            ImportAhead(
                self.generation, str(self.root), self.target, self.options | options, mark="ab" * 16,
                code=str(self.code), before=[str(self.root / each) for each in before],
            )
        )  # fmt: skip
        return snapshot

    def checkpoint(self, process: Child, path: str) -> messages.FilesReport:
        """Expect that a process has paused before this file; return what it has used until then."""
        reached = process.expect(CheckpointReached, SnapshotReady, messages.Failed)
        assert reached.path == str(self.root / path)
        return process.expect(messages.FilesReport)

    def go_on(self, checkpoint: Child) -> Child:
        """Return a fork of a checkpoint that goes on as the snapshot."""
        child = self.fork(checkpoint)
        child.channel.send(GoOn())
        return child

    def resumed(self, checkpoint: Child, changed: list[str], **options: Any) -> Child:
        """Return a worker that serves after it has gone on from a checkpoint."""
        child = self.serve(checkpoint, changed, **options)
        ready = child.expect(messages.Ready, SwapDeclined, messages.Failed, messages.ForkMismatch)
        assert ready.how == "checkpoint"
        child.channel.send(messages.StartAccepting())
        return child

    def plain(self) -> Child:
        """Return a worker that serves after the preloader has forked it."""
        child = self.serve(self.preloader, [])
        child.expect(messages.Ready, messages.Failed, messages.ForkMismatch)
        child.channel.send(messages.StartAccepting())
        return child

    def serve(self, parent: Child, changed: list[str], spare: Child | None = None, **options: Any) -> Child:
        """Return a fork of the snapshot that has the start of a worker."""
        child = spare or self.fork(parent)
        self.generation += 1
        reading = Reading(32)
        read, write = os.pipe()
        child.outputs.append(read)
        child.channel.send(
            Start(
                "worker", self.generation, str(self.root), self.target, self.options | options,
                mark="cd" * 16, code=str(self.code), changed=[str(self.root / each) for each in changed],
            ),
            [self.listener.fileno(), reading.descriptor, write],
        )  # fmt: skip
        os.close(write)
        return child

    def swapped(self, parent: Child, changed: list[str], spare: Child | None = None) -> Child:
        """Return a worker that serves after a swap of these files."""
        child = self.serve(parent, changed, spare)
        message = child.next_of(messages.Ready, SwapDeclined, messages.Failed)
        assert isinstance(message, messages.Ready), message
        child.channel.send(messages.StartAccepting())
        return child

    def declined(self, parent: Child, changed: list[str]) -> SwapDeclined:
        """Return why a fork has declined."""
        return self.serve(parent, changed).expect(SwapDeclined, messages.Ready)

    def fingerprints(self, parent: Child, changed: list[str]) -> Fingerprints:
        """Return the answer of a fork that has to verify a swap."""
        child = self.fork(parent)
        child.channel.send(Verify(changed=[str(self.root / each) for each in changed]))
        return child.expect(Fingerprints)

    def get(self, path: str = "/") -> str:
        """Return the body of an answer."""
        with socket.create_connection(self.listener.getsockname(), SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.partition(b"\r\n\r\n")[2].decode()

    def drain(self, child: Child) -> None:
        """End a worker, as a reload does."""
        child.channel.send(messages.Drain(grace_s=5.0, streams_s=0.1))
        child.expect(messages.Drained)

    def ended(self, child: Child) -> bool:
        """Whether the process ends: its outputs, which it alone holds, come to their end."""
        for number in child.outputs[:2]:
            while select.select([number], [], [], SECONDS)[0]:
                if not (data := os.read(number, 65536)):
                    break
                child.text += data
            else:
                return False
        return True

    def close(self) -> None:
        """End every process."""
        for child in self.children:
            child.close()
        self.listener.close()
        if self.process is not None:
            self.process.wait(SECONDS)

    def _add(self, child: Child) -> Child:
        self.children.append(child)
        return child


def target(root: Path, **named: Any) -> dict[str, Any]:
    """Return discovery's target for a module ``app`` with ``application``."""
    return {
        "kind": "object", "module": "app", "file": str(root / "app.py"), "attribute": "application",
        "names": ["application", "app"], "call": "no", "arguments": [], "keywords": {}, "framework": "",
        "interface": "wsgi", "search_path": [str(root)], **named,
    }  # fmt: skip


@contextlib.contextmanager
def played(
    root: Path, files: dict[str, str], python: str, *, preload: tuple[str, ...] = ("json",), **named: Any
) -> Iterator[Player]:
    """Yield a player with a preloader, for a project of these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    player = Player(root, python, target(root, **named), list(preload))
    try:
        player.start()
        yield player
    finally:
        player.close()
