"""Decide which peers are this machine: loopback, the process's own addresses, and in a container its gateway.

A published port reaches a container from its gateway (Docker's bridge, the user-land proxy, rootless and desktop
engines alike); another container on the network comes from an address of its own. On a host the gateway is a router,
and is not trusted.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path

from ...conventions import CONTAINER_MARKS

ROUTES = Path("/proc/net/route")
ROUTES_V6 = Path("/proc/net/ipv6_route")
_GATEWAY = 0x2  # RTF_GATEWAY of <linux/route.h>


def gateways(routes: str, routes_v6: str) -> frozenset[str]:
    """The addresses of the default routes' gateways, from the texts of /proc/net/route and /proc/net/ipv6_route."""
    found = set()
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == fields[7] == "00000000" and int(fields[3], 16) & _GATEWAY:
            found.add(socket.inet_ntoa(struct.pack("=L", int(fields[2], 16))))
    for line in routes_v6.splitlines():
        fields = line.split()
        if len(fields) > 8 and fields[0] == "0" * 32 and fields[1] == "00" and int(fields[8], 16) & _GATEWAY:
            found.add(str(ipaddress.IPv6Address(bytes.fromhex(fields[4]))))
    return frozenset(found)


def container_gateways() -> frozenset[str]:
    """Return the gateways of the container that this process runs in; none on a host."""
    if not any(Path(mark).exists() for mark in CONTAINER_MARKS):
        return frozenset()
    return gateways(_text(ROUTES), _text(ROUTES_V6))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def is_local(peer: str, trusted: frozenset[str]) -> bool:
    """Whether a connection comes from this machine.

    Args:
        peer: the client's address.
        trusted: the gateways.
    """
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return address.is_loopback or str(address) in trusted
