"""Distinguish a mail server for tests from one that may send mail to people."""

from __future__ import annotations

import ipaddress

# Relays and submission (RFC 5321; RFC 6409; RFC 8314). Mailpit, MailHog, maildev and others listen elsewhere: on 1025.
_DELIVERING = frozenset({25, 465, 587})
_LOCAL_ENDS = (".localhost", ".local", ".internal", ".test", ".svc")


def is_for_tests(host: str, port: int) -> bool:
    """Whether mail for this server stays on this machine or its networks: a local name or address, an unusual port."""
    if port in _DELIVERING or "/" in host:  # a socket file: local delivery
        return False
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = host.lower().rstrip(".")
        return bool(name) and ("." not in name or name.endswith(_LOCAL_ENDS))
    return address.is_loopback or address.is_private


def server_of(host: str, port: int, default: int) -> tuple[str, int]:
    """Return host and port as ``smtplib`` reads them: a port may follow the host, and 0 is the usual one.

    Raises:
        ValueError: the port is not a number.
    """
    if not port and host.count(":") == 1:
        host, _, given = host.partition(":")
        port = int(given)
    return host, port or default
