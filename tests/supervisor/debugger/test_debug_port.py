"""The debug port, without a debugger."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.supervisor.debugger.debug_port import DebugPort
from appliance.supervisor.loop import Loop
from tests.faults.injections import FewDescriptors, few_descriptors
from tests.supervisor.fakes import handle
from tests.supervisor.loops import accept_calls, turn

__all__ = ["few_descriptors"]


class Door:
    """A debug port, its loop, and its address."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.address = ("127.0.0.1", _free_port())
        settings: Any = SimpleNamespace(host=self.address[0], debugpy=self.address[1])
        log: Any = SimpleNamespace(event=lambda *_, **__: None)
        self.port = DebugPort(self.loop, settings, log)


@pytest.fixture
def door() -> Iterator[Door]:
    """A debug port that listens."""
    made = Door()
    yield made
    made.port.close()
    made.loop.close()


def test_the_loop_rests_while_no_descriptor_is_free_for_an_editor(
    door: Door, few_descriptors: FewDescriptors, monkeypatch: pytest.MonkeyPatch
):
    """An editor for which no descriptor is free waits, and the loop does not ask for it in each round."""
    asked = accept_calls(door.loop, monkeypatch)
    with socket.create_connection(door.address), few_descriptors(0):
        for _ in range(3):
            turn(door.loop)
        assert len(asked) == 1


def test_an_editor_that_has_left_gets_no_debugger(door: Door):
    """Of the editors that have connected while no worker was there, only one that still waits gets a debugger."""
    for _ in range(3):
        with socket.create_connection(door.address):
            turn(door.loop)
    with socket.create_connection(door.address), socket.create_server(("127.0.0.1", 0)) as debugger:
        turn(door.loop)
        door.port.listens(handle(), debugger.getsockname()[1], waits=False)
        debugger.setblocking(False)
        debugger.accept()[0].close()
        with pytest.raises(BlockingIOError):
            debugger.accept()


def test_an_editor_is_sent_away_if_no_descriptor_is_free(door: Door, few_descriptors: FewDescriptors):
    """Without a descriptor for the connection to the debugger, the editor's ends, and no timeout is suspended."""
    worker, port = handle(), _free_port()
    with socket.create_connection(door.address, timeout=10) as editor:
        turn(door.loop)
        with few_descriptors(0):
            door.port.listens(worker, port, waits=False)
        assert editor.recv(1) == b""
    assert not door.port.no_timeout(worker)


def test_the_status_has_no_debugger_while_the_appliance_stops():
    """The status after the port was closed, as the health check may ask for it, has no debugger."""
    loop: Any = SimpleNamespace(watch=lambda *_: None, unwatch=lambda *_: None)
    settings: Any = SimpleNamespace(host="127.0.0.1", debugpy=_free_port())
    door = DebugPort(loop, settings, None)  # type: ignore[arg-type]  # it has nothing to tell
    reported = door.status()
    assert reported is not None
    assert reported["attached_pids"] == []
    door.close()
    assert door.status() is None
    door.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
