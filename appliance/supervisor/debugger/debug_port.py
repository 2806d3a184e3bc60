"""The debug port: one port for every generation, open throughout reloads.

This module holds the port of DEBUGPY, and connects each client with one worker's debugger. Runs in the supervisor's
loop.

Theory of operation. Each worker's debugger listens on its own port, on loopback; the supervisor listens on the port
that the editor knows, and forwards. So the port never closes. An editor that connects while a worker boots waits. An
editor whose worker was reloaded is asked to reconnect (``"restart": true``), and gets the next worker. An old worker
can finish a request that has stopped at a breakpoint while the new worker serves. The supervisor also knows which
workers are being debugged: no timeout applies to these.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from appliance.errors import ListenError
from appliance.supervisor.debugger.dap_proxy import DapProxy
from appliance.supervisor.listen import bind, joined
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from appliance.config.settings import Settings
    from appliance.logs.log import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

START_S = 30.0  # for debugpy to compile and start; after that it counts as the project's own boot


class DebugPort:
    """The port of DEBUGPY with its clients; if DEBUGPY is 0, there is no port.

    Raises:
        ListenError: the appliance can't listen on its port.
    """

    def __init__(self, loop: Loop, settings: Settings, log: Log) -> None:
        self._loop = loop
        self._log = log
        self._listener: socket.socket | None = None
        self._current: Handle | None = None  # new clients get this worker's debugger
        self._ports: dict[Handle, int] = {}
        self._waiting_for_client: set[Handle] = set()
        self._proxies: dict[DapProxy, Handle | None] = {}
        self._no_debugger = False  # the serving worker has none: no client waits for one
        if settings.debugpy:
            self._listener = _bound(settings.host, settings.debugpy)
            self._listener.setblocking(False)  # noqa: FBT003  the standard library's own signature
            loop.watch(self._listener, self._accept)

    def no_timeout(self, child: Handle) -> bool:
        """Whether no timeout applies to a worker: it is debugged, waits for a client, or its debugger still starts."""
        if self._listener is None or child.role is not Role.WORKER:
            return False
        starting = child not in self._ports and not self._no_debugger and time.monotonic() - child.started < START_S
        return starting or child in self._waiting_for_client or child in self._proxies.values()

    def status(self) -> dict[str, object] | None:
        """Return the fields for ``appliance status``."""
        if self._listener is None:
            return None
        attached = sorted({child.pid for child in self._proxies.values() if child is not None})
        waiting = sorted(child.pid for child in self._waiting_for_client)
        return {"address": self._address(), "attached_pids": attached, "waiting_pids": waiting}

    def listens(self, child: Handle, port: int, *, waits: bool) -> None:
        """Note that a worker's debugger listens on this port; ``waits`` until a client has connected."""
        if child.ending:
            return
        self._no_debugger = port == 0
        if self._no_debugger:
            self._close_waiting()
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
        self._forget_left()
        for proxy in [proxy for proxy in self._proxies if proxy.waits]:
            self._connect(proxy, child)

    def ended(self, child: Handle) -> None:
        """Forget a worker that has ended; its debugger tells its clients itself."""
        self._ports.pop(child, None)
        self._waiting_for_client.discard(child)
        if child is self._current:
            self._current = None

    def close(self) -> None:
        """Close the port and all connections."""
        listener, self._listener = self._listener, None  # the status during a stop shows no debugger
        if listener is not None:
            self._loop.unwatch(listener)
            listener.close()
        for proxy in list(self._proxies):
            proxy.close()

    def _accept(self) -> None:
        if self._listener is None:
            return
        client = self._loop.accept(self._listener)
        if client is None:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._forget_left()
        proxy = DapProxy(self._loop, client, self._on_end)
        self._proxies[proxy] = None
        if self._current is not None and not self._current.ending:
            self._connect(proxy, self._current)
        elif self._no_debugger:
            proxy.close()

    def _forget_left(self) -> None:
        """Close the connections of clients that have waited for a debugger, and have left: nobody reads them."""
        for proxy in [proxy for proxy in self._proxies if proxy.waits and proxy.is_left]:
            proxy.close()

    def _close_waiting(self) -> None:
        for proxy in [proxy for proxy in self._proxies if proxy.waits]:
            proxy.close()

    def _connect(self, proxy: DapProxy, child: Handle) -> None:
        try:
            proxy.connect(self._ports[child])
        except OSError:  # no descriptor is free: the editor connects again
            proxy.close()
            return
        self._proxies[proxy] = child
        self._log.event("info", "debugger.attached", generation=child.generation, pid=child.pid)

    def _on_end(self, proxy: DapProxy) -> None:
        child = self._proxies.pop(proxy, None)
        if child is not None:
            self._log.event("info", "debugger.detached", generation=child.generation, pid=child.pid)

    def _address(self) -> str:
        host, port = self._listener.getsockname()[:2] if self._listener is not None else ("", 0)
        return joined(host, port)


def _bound(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except ListenError as error:
        raise ListenError(
            error.found,
            expected="a free port for the debugger",
            action="Stop the other process, or use another port: APPLIANCE_DEBUGPY.",
        ) from error
