"""Make the WSGI environ of a head (PEP 3333). Pure: no socket, no clock.

The process's environment is not in the environ: it would hand its secrets to every error page. Runs in the thread of
its request.

Keys beyond PEP 3333: ``wsgi.input_terminated`` (the input ends by itself), ``REQUEST_URI`` and ``RAW_URI`` (the target
as sent), ``REMOTE_PORT``, ``appliance.request_id``; over TLS ``HTTPS``; for an offer to upgrade, ``werkzeug.socket``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from ..http.head import PROTOCOLS
from ..http.response.file_wrapper import FileWrapper

if TYPE_CHECKING:
    from ..http.head import Head

Environ = dict[str, Any]


def host_of(client_address: Any) -> str:
    """Return a client's host: a socket's address is a pair, and what stands for one in a test may be a text."""
    return str(client_address[0] if isinstance(client_address, tuple) and client_address else client_address or "")


class Environs:
    """Makes the environs of one connection's requests.

    The keys that all of them share are put together once, and so are those that requests with the same fields share.
    """

    __slots__ = ("_common", "_head", "_same", "_template", "_values")

    def __init__(self, base: Environ, client: Any, *, scheme: str, multithread: bool) -> None:
        host, port = client[:2] if isinstance(client, tuple) and len(client) > 1 else ("", 0)
        self._common: Environ = {
            **base,
            "REMOTE_ADDR": host,
            "REMOTE_PORT": str(port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scheme,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
        }
        if scheme == "https":
            self._common["HTTPS"] = "on"  # mod_ssl's name for it, which older applications look at
        self._values: dict[str, str] | None = None
        self._template: Environ
        self._head: Head | None = None
        self._same: Environ | None = None

    def make(self, head: Head) -> Environ:
        """Return the environ of one request, without its streams."""
        if head is not self._head:
            self._head, self._same = head, None
            return self._made(head)
        if self._same is None:
            self._same = self._made(head)
        return self._same.copy()

    def _made(self, head: Head) -> Environ:
        values = head.values
        if values is not self._values:
            self._template = {**self._common, **values, "SERVER_PROTOCOL": PROTOCOLS[head.minor]}
            self._values = values
        environ = self._template.copy()
        path = head.path
        environ["REQUEST_METHOD"] = head.method
        environ["PATH_INFO"] = unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path
        environ["QUERY_STRING"] = head.query
        environ["REQUEST_URI"] = environ["RAW_URI"] = head.target
        return environ
