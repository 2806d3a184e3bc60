"""Bind once, before anything else, and never close.

Owns the making of the listening socket. A connection made while nothing can serve waits in its queue.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from appliance.errors import ListenError


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on ``host`` (a name, an IPv4 or IPv6 address; empty: all) and ``port`` (0: any free one).

    The queue is as long as the kernel lets it be, at most 4096.

    Raises:
        ListenError: the address is taken, not ours, or not one.
    """
    address = host.strip("[]")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ListenError(
            f"APPLIANCE_HOST={host} is not an address of this machine ({error.strerror})",
            expected="an IP address, or a name that resolves to one",
            action="Use 127.0.0.1 (this machine alone) or 0.0.0.0 (every interface).",
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


def backlog() -> int:
    """min(4096, somaxconn): a longer queue than the kernel's own limit is cut to it without a word."""
    try:
        return min(4096, int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return socket.SOMAXCONN


def _refused(host: str, port: int, error: OSError) -> ListenError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ListenError(
            f"another process listens on {where} already",
            expected="a free port",
            action="Stop the other one, or choose another port: APPLIANCE_PORT, --port, or PUBLISH_PORT with compose.",
        )
    if error.errno == errno.EACCES:
        return ListenError(
            f"this user may not listen on {where}",
            expected="a port from 1024 up",
            action="Choose another port: APPLIANCE_PORT or --port.",
        )
    return ListenError(
        f"{where} can't be listened on ({error.strerror})",
        expected="an address of this machine and a free port",
        action="Check APPLIANCE_HOST and APPLIANCE_PORT.",
    )
