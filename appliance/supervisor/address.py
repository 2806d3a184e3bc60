"""Make the URL that is shown to people, from the listening socket and the settings. Runs in the supervisor."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

from appliance.config.port_forwarding import forwarded_url
from appliance.protocol.record import Record
from appliance.supervisor.listen import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")  # the host name that Docker gives, unless somebody names another


class Address(Record):
    """The address at which the appliance listens, and the one at which a browser reaches it.

    Attributes:
        host: of the listening socket.
        port: of the listening socket.
        url: for a browser. None in a container without a public URL: a container can't know on which port of the host
            its own port is published.
    """

    host: str
    port: int
    url: str | None

    @classmethod
    def of(cls, listener: socket.socket, public_url: str, process: Mapping[str, str], *, secure: bool) -> Address:
        """Return the address of the listening socket; ``process``: the environment, which marks the image."""
        host, port = listener.getsockname()[:2]
        shown = public_url or forwarded_url(process, port)
        known = shown or "APPLIANCE_IMAGE" not in process
        return cls(host, port, url_of(listener, shown, secure=secure) if known else None)

    def fields(self, project: str) -> dict[str, Any]:
        """Return the fields of ``appliance.started``: the URL, or the command that shows the published port."""
        place = {"address": joined(self.host, self.port), "project": project}
        if self.url is not None:
            return {"url": self.url, **place}
        name = socket.gethostname()
        command = f"docker port {name} {self.port}" if _CONTAINER_ID.fullmatch(name) else "docker ps"
        action = f"`{command}` shows the port of the host, which is not known here. APPLIANCE_PUBLIC_URL sets the URL."
        return {**place, "action": action}


def url_of(listener: socket.socket, public_url: str, *, secure: bool) -> str:
    """Return the URL for a browser: the public one, else the address of the listening socket.

    With HTTPS it always begins with ``https://``: a plain HTTP URL would be refused.
    """
    if public_url:
        return "https://" + public_url.removeprefix("http://") if secure and public_url[:7] == "http://" else public_url
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in {"0.0.0.0", "::", "127.0.0.1", "::1"} else host
    return f"http{'s' * secure}://{joined(shown, port)}"
