"""The debug port, without a debugger."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from appliance.supervisor.debugger.debug_port import DebugPort


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
