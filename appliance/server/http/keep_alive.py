"""Decide whether a connection may serve another request, by the options of Connection (RFC 9110, 7.6.1; RFC 9112, 9.3).

Also whether the client offers another protocol: the option ``upgrade`` says so in the same field. Pure. Called once for
each new block of field lines that has a Connection field; without one, HTTP/1.1 persists and HTTP/1.0 does not.
"""

from __future__ import annotations

from .field_grammar import elements


def connection_options(values: dict[str, str], minor: int) -> tuple[bool, bool]:
    """Return whether the client asks for a persistent connection, and whether it offers another protocol."""
    options = elements(values["HTTP_CONNECTION"])
    # RFC 9112, 9.3: "close" wins. Otherwise 1.1 persists, and 1.0 only with "keep-alive".
    keep_alive = "close" not in options and (minor > 0 or "keep-alive" in options)
    return keep_alive, "upgrade" in options and minor > 0 and "HTTP_UPGRADE" in values
