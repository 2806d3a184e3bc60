"""Bind the listening socket once, before anything else, and never close it.

A connection that is made while nothing can serve waits in the socket's queue.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from appliance.errors import ListenError


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket on ``host`` (a name, an IP address, or empty for all) and ``port`` (0: any free one).

    The queue is as long as the kernel allows, at most 4096.

    Raises:
        ListenError: the address is used already, not of this machine, or not valid.
    """
    address = host.strip("[]")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:  # the latter for "a..b", or a part that is too long
        raise ListenError(
            f"APPLIANCE_HOST={host} is not an address of this machine ({getattr(error, 'strerror', error)})",
            expected="an IP address, or a name that resolves to one",
            action="Use 127.0.0.1 (only this machine) or 0.0.0.0 (every interface).",
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address in {"", "::"}:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(where)
        listener.listen(backlog())
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def joined(host: str, port: int) -> str:
    """Return ``127.0.0.1:8000`` or ``[::1]:8000``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def backlog() -> int:
    """Return min(4096, somaxconn): the kernel silently cuts a longer queue to its own limit."""
    try:
        return min(4096, int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return socket.SOMAXCONN


def _refused(host: str, port: int, error: OSError) -> ListenError:
    where = joined(host.strip("[]"), port)
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"another process already listens on {where}",
            expected="a free port",
            action="Stop the other process, or use another port: APPLIANCE_PORT, --port, or PUBLISH_PORT with compose.",
        )
    if error.errno == errno.EACCES:
        return ListenError(
            f"this user is not allowed to listen on {where}",
            expected="a port from 1024 up",
            action="Use another port: APPLIANCE_PORT or --port.",
        )
    return ListenError(
        f"the appliance can't listen on {where} ({error.strerror})",
        expected="an address of this machine and a free port",
        action="Check APPLIANCE_HOST and APPLIANCE_PORT.",
    )
