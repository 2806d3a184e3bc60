"""The debugger's door: one port for every generation, held open over reloads.

Owns the port of DEBUGPY, and which client talks to which worker's debugger. Knows nothing of debugging itself. Runs
in the supervisor's loop.

Theory of operation. Each worker's debugger listens on a port of its own, on loopback; the supervisor listens on the
one that the editor knows, and relays. So the port is never closed: an editor that comes while a worker boots waits,
one whose worker has been reloaded is told so, comes back by itself (``"restart": true``) and meets the next one. An
old worker may finish a request that stands at a breakpoint while the new one serves. And the supervisor knows who is
being debugged: for those no clock runs.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from appliance.errors import ListenError
from appliance.supervisor.debugger.dap_proxy import DapProxy
from appliance.supervisor.listen import bind

if TYPE_CHECKING:
    from appliance.config.settings import Settings
    from appliance.logs.setup import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

START_S = 30.0  # for debugpy to be compiled and to start, before that counts as the project's own boot


class DebugPort:
    """Closed for ever where DEBUGPY is 0.

    Raises:
        ListenError: its port can't be listened on.
    """

    def __init__(self, loop: Loop, settings: Settings, log: Log) -> None:
        self._loop = loop
        self._log = log
        self._listener: socket.socket | None = None
        self._current: Handle | None = None  # whose debugger a new client meets
        self._ports: dict[Handle, int] = {}
        self._waiting_for_client: set[Handle] = set()
        self._proxies: dict[DapProxy, Handle | None] = {}
        self._none = False  # the worker that serves has no debugger: nobody is kept waiting for one
        if settings.debugpy:
            self._listener = _bound(settings.host, settings.debugpy)
            self._listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
            loop.watch(self._listener, self._accept)

    def stands_still(self, child: Handle) -> bool:
        """Whether no clock may run for it: somebody debugs it, or it waits for that, or its debugger still starts."""
        if self._listener is None or child.role != "worker":
            return False
        spawner = child not in self._ports and not self._none and time.monotonic() - child.started < START_S
        return spawner or child in self._waiting_for_client or child in self._proxies.values()

    def told(self) -> dict[str, object] | None:
        """For ``appliance status``."""
        if self._listener is None:
            return None
        attached = sorted({child.pid for child in self._proxies.values() if child is not None})
        waiting = sorted(child.pid for child in self._waiting_for_client)
        return {"address": self._address(), "attached_pids": attached, "waiting_pids": waiting}

    def listens(self, child: Handle, port: int, *, waits: bool) -> None:
        """A worker's debugger listens there; ``waits`` until a client has come."""
        if child.ending:
            return
        self._none = port == 0
        if self._none:
            self._dismiss()
            return
        (self._waiting_for_client.add if waits else self._waiting_for_client.discard)(child)
        if child in self._ports:
            return
        self._ports[child] = port
        self._current = child
        self._log.event(
            "info", "debugger.listening", generation=child.generation, pid=child.pid, address=self._address(),
            waits=waits,
        )  # fmt: skip
        for relay in [relay for relay in self._proxies if relay.waits]:
            self._connect(relay, child)

    def ended(self, child: Handle) -> None:
        """A worker has gone; its debugger tells its clients, and goes."""
        self._ports.pop(child, None)
        self._waiting_for_client.discard(child)
        if child is self._current:
            self._current = None

    def close(self) -> None:
        """No more."""
        listener, self._listener = self._listener, None  # who asks for the status while it stops is told of none
        if listener is not None:
            self._loop.unwatch(listener)
            listener.close()
        for relay in list(self._proxies):
            relay.close()

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it left already
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay = DapProxy(self._loop, client, self._gone)
        self._proxies[relay] = None
        if self._current is not None and not self._current.ending:
            self._connect(relay, self._current)
        elif self._none:
            relay.close()

    def _dismiss(self) -> None:
        for relay in [relay for relay in self._proxies if relay.waits]:
            relay.close()

    def _connect(self, relay: DapProxy, child: Handle) -> None:
        self._proxies[relay] = child
        relay.connect(self._ports[child])
        self._log.event("info", "debugger.attached", generation=child.generation, pid=child.pid)

    def _gone(self, relay: DapProxy) -> None:
        child = self._proxies.pop(relay, None)
        if child is not None:
            self._log.event("info", "debugger.detached", generation=child.generation, pid=child.pid)

    def _address(self) -> str:
        host, port = self._listener.getsockname()[:2] if self._listener is not None else ("", 0)
        return f"{host}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except ListenError as error:
        raise ListenError(
            error.found,
            expected="a free port for the debugger",
            action="Stop the other one, or choose another port: APPLIANCE_DEBUGPY.",
        ) from error
