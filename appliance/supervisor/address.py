"""Make the URL that is shown to people, from the listening socket and the settings. Runs in the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


def url_of(listener: socket.socket, public_url: str, *, secure: bool) -> str:
    """Return the URL for a browser: the public one, else the address of the listening socket.

    With HTTPS it always begins with ``https://``: a plain HTTP URL would be refused.
    """
    if public_url:
        return "https://" + public_url.removeprefix("http://") if secure and public_url[:7] == "http://" else public_url
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in {"0.0.0.0", "::", "127.0.0.1", "::1"} else f"[{host}]" if ":" in host else host
    return f"http{'s' * secure}://{shown}:{port}"
