"""Children that another child forks: whatever comes first, hello or the end, each is reported once."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest

from appliance.logs.project_output.output_lines import OutputLine
from appliance.protocol.channel import Channel
from appliance.protocol.messages import Hello, TellLastSave
from appliance.protocol.record import Message
from appliance.supervisor.loop import Loop
from appliance.supervisor.processes import children as module
from appliance.supervisor.processes.child_forks import request_fork
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.child_starts import prepare_forked
from appliance.supervisor.processes.children import Children
from appliance.supervisor.processes.handles import Handle
from tests.faults.injections import NO_DESCRIPTOR
from tests.supervisor.loops import run
from tests.supervisor.processes.child_descriptors import open_descriptors


class Told:
    """The calls that a supervisor would get."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, str]] = []
        self.strangers: list[int] = []
        self.failed: list[str] = []
        self.messages: list[Message] = []

    def message(self, child: Handle, message: Message, descriptors: list[int]) -> None:
        self.messages.append(message)

    def output(self, child: Handle, stream: str, said: list[OutputLine]) -> None:
        """As the listener's; no test here prints."""

    def channel_failed(self, child: Handle, reason: str) -> None:
        self.failed.append(reason)

    def ended(self, child: Handle) -> None:
        self.ends.append((child.pid, child.how()))

    def orphan_ended(self, pid: int, status: int) -> None:
        self.strangers.append(pid)


class Nursery:
    """Children, their loop, and the far end of one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reported = Told()
        self.loop = Loop()
        self.children = Children(self.loop, self.reported)
        self.child, (channel, *outputs) = prepare_forked(Role.WORKER)
        for descriptor in outputs:
            os.close(descriptor)
        self.far = Channel(socket.socket(fileno=channel))
        self.children.add(self.child)
        self._ended: list[tuple[int, int]] = []
        monkeypatch.setattr(module, "reap", lambda: [self._ended.pop(0) for _ in range(len(self._ended))])

    def hello(self, pid: int) -> None:
        self.far.send(Hello(pid=pid, python="3"))

    def ends(self, pid: int, status: int) -> None:
        self._ended.append((pid, status))
        self.children.reap()

    def turn(self) -> None:
        """The loop until all that has happened is known."""
        self.loop.call_later(0.05, self.loop.stop)
        self.loop.run()


@pytest.fixture
def nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    made = Nursery(monkeypatch)
    yield made
    made.far.close()
    made.children._remove(made.child)
    made.loop.close()


FREE = 2**22 + 1  # no process has it: beyond the kernel's largest


def test_a_hello_gives_the_pid(nursery: Nursery):
    """The usual order: it has a pid, then it ends."""
    nursery.hello(FREE)
    nursery.turn()
    assert nursery.child.pid == FREE
    nursery.ends(FREE, 9)
    assert nursery.reported.ends == [(FREE, "killed by SIGKILL")]


def test_an_end_before_the_hello_is_kept(nursery: Nursery):
    """A forked child's end may be known before its hello was read."""
    nursery.hello(FREE)
    nursery.ends(FREE, 11)
    assert nursery.reported.ends == []
    nursery.turn()
    assert nursery.reported.ends == [(FREE, "killed by SIGSEGV")]
    assert nursery.reported.strangers == []


def test_a_channel_that_ends_without_a_hello_ends_the_child(nursery: Nursery):
    """The parent could not fork it: its channel ends without a hello."""
    nursery.far.close()
    nursery.turn()
    assert nursery.reported.ends == [(0, "never started")]


def test_a_kill_before_the_hello_signals_no_group(nursery: Nursery):
    """One that is killed before its hello is gone at once; our own group is not signalled."""
    nursery.children.kill(nursery.child)
    assert nursery.reported.ends == [(0, "never started")]


def test_an_orphan_is_not_reported_as_a_child(nursery: Nursery):
    """An orphan that ends while a child has no pid yet is reported later, and not as a child's end."""
    nursery.ends(FREE + 1, 0)
    assert nursery.reported.strangers == []
    nursery.hello(FREE)
    nursery.turn()
    assert nursery.reported.strangers == [FREE + 1]
    assert nursery.reported.ends == []


def test_an_invalid_message_is_reported_once(nursery: Nursery, bad_frame: bytes):
    """A child that sends an invalid message is reported once, with the reason, and nothing else follows."""
    nursery.hello(FREE)
    nursery.turn()
    sending = threading.Thread(target=nursery.far._socket.sendall, args=(bad_frame,))
    sending.start()
    while not nursery.reported.failed:
        nursery.turn()
    sending.join(10)
    assert len(nursery.reported.failed) == 1
    assert nursery.reported.failed[0]
    assert nursery.reported.ends == []


def test_a_fork_that_cannot_be_asked_for_keeps_no_descriptor(nursery: Nursery, monkeypatch: pytest.MonkeyPatch):
    """If no descriptor is free for a message that has to wait, there is no fork, and nothing of it stays open."""

    def send(*_: object) -> bool:
        raise NO_DESCRIPTOR

    monkeypatch.setattr(nursery.child.channel, "send", send)
    before = open_descriptors()
    assert request_fork(nursery.children, nursery.child, Role.SPARE) is None
    assert open_descriptors() == before
    assert nursery.children.living() == (nursery.child,)


def test_a_child_that_has_ended_gets_no_signal(nursery: Nursery, monkeypatch: pytest.MonkeyPatch):
    """To ask a child to end that has ended already signals nobody: its number may be another group's by now."""
    nursery.hello(FREE)
    nursery.turn()
    nursery.ends(FREE, 0)
    signalled: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _: signalled.append(group))
    nursery.children.retire(nursery.child, 0.0)
    nursery.turn()
    assert signalled == []


LARGE = TellLastSave(saved={"text": "x" * 4_000_000})  # no socket takes it at once


def far_end_reads(nursery: Nursery) -> list[Message]:
    """Run the loop until the far end has received a message, and return that."""
    received: list[Message] = []

    def read() -> None:
        while not received:
            received.extend(message for message, _ in nursery.far.receive())
        nursery.loop.post(nursery.loop.stop)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    run(nursery.loop)
    reading.join(10)
    return received


def test_a_message_that_waits_for_room_arrives_after_a_pause(nursery: Nursery):
    """A message of which the child has read a part is sent to its end, also if the reading was paused meanwhile."""
    nursery.children.send(nursery.child, LARGE)
    nursery.children.pause()
    nursery.children.resume()
    assert far_end_reads(nursery) == [LARGE]
    nursery.hello(FREE)
    nursery.turn()
    assert nursery.child.pid == FREE


def test_a_pause_lets_a_large_message_pass_and_reads_none(nursery: Nursery):
    """While the reading is paused, a message that waits for room is sent, none is read, and then the loop rests."""
    assert nursery.child.channel is not None
    assert nursery.children.last_unread < (began := time.monotonic())
    nursery.children.pause()
    nursery.children.send(nursery.child, LARGE)
    assert far_end_reads(nursery) == [LARGE]
    nursery.hello(FREE)
    nursery.turn()
    assert nursery.reported.messages == []
    assert nursery.children.last_unread >= began
    assert nursery.child.channel.fileno() not in nursery.loop._selector.get_map()
    nursery.children.resume()
    nursery.turn()
    assert nursery.child.pid == FREE


def started(pid: int) -> Handle:
    """A child that the supervisor itself has started."""
    return Handle(Role.STANDIN, 0, pid, {}, process=cast("subprocess.Popen[bytes]", object()))


def test_the_kernel_is_asked_again_to_kill_a_child_first(nursery: Nursery, monkeypatch: pytest.MonkeyPatch):
    """A child whose execve has not ended yet gets its score later; a fork has that of its parent."""
    answers, asked = [True, False, False], list[int]()

    def prefer(child: Handle) -> bool:
        asked.append(child.pid)
        if len(answers) == 1:
            nursery.loop.stop()
        return answers.pop()

    monkeypatch.setattr(Handle, "prefer_as_oom_victim", prefer)
    nursery.children.add(Handle(Role.WORKER, 0, FREE + 1, {}))
    nursery.children.add(started(FREE))
    nursery.loop.run()
    assert asked == [FREE] * 3


def test_a_kernel_that_refuses_is_not_asked_forever(nursery: Nursery, monkeypatch: pytest.MonkeyPatch):
    """Nobody asks again after a second of refusals, or after the end of the child."""
    asked: list[int] = []

    def refuse(child: Handle) -> bool:
        asked.append(child.pid)
        return False

    monkeypatch.setattr(Handle, "prefer_as_oom_victim", refuse)
    monkeypatch.setattr(module, "VICTIM_MAX_S", 2 * module.VICTIM_S)
    nursery.children.add(started(FREE))
    nursery.turn()
    assert asked == [FREE, FREE]
    nursery.children.add(ended := started(FREE + 1))
    nursery.children._remove(ended)
    nursery.turn()
    assert asked == [FREE, FREE, FREE + 1]
