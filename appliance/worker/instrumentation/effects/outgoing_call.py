"""Note outgoing HTTP calls of a request: method, URL, status, duration, error, and the project's own line.

``http_client_calls`` and ``httpcore_calls`` know the libraries. Runs in the threads of the requests.

Theory of operation. Libraries use each other: requests uses urllib3, which uses ``http.client``. The outermost hooked
library notes a call, so that the call counts once, with the time to connect and with its failure; ``inside`` tells the
inner libraries that the call is noted. Nothing is noted outside of a request that is recorded.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import ERROR_MAX, URL_MAX
from ....server.pages.tracebacks import safe_str
from ....server.wsgi.access_log.exchange import current
from ..details import Details

if TYPE_CHECKING:
    from ..project_line import ProjectLine

HOOK = "outgoing calls"
_DEFAULT_PORTS = {"http": 80, "https": 443}

# The call that is noted already, within which this context is.
inside: ContextVar[OutgoingCall | None] = ContextVar("appliance_outgoing", default=None)


class OutgoingCall:
    """One call, from its beginning to the head of its response or its failure.

    Attributes:
        span_id: of its span; "" if it has none.
    """

    __slots__ = ("_began", "_noted", "span_id")

    def __init__(self, method: str, url: str, place: str, began_s: float) -> None:
        self.span_id = ""
        self._began = monotonic()
        self._noted: dict[str, Any] = {
            "method": method[:32], "url": without_userinfo(url)[:URL_MAX], "place": place,
            "began_us": int(began_s * 1_000_000),
        }  # fmt: skip

    @classmethod
    def begin(cls, method: str, url: str, project_line: ProjectLine) -> OutgoingCall | None:
        """Note a call that begins; return None outside of a request that is recorded, and within another call."""
        exchange = current.get()
        details = exchange.details if exchange is not None else None
        if exchange is None or not isinstance(details, Details) or inside.get() is not None:
            return None
        call = cls(method, url, project_line.find(), monotonic() - exchange.started)
        number = details.effects.add_call(call._noted)
        if number and exchange.trace is not None:
            call.span_id = call._noted["span_id"] = exchange.trace.child_span_id(number)
        return call

    def answered(self, status: int) -> None:
        """Note the status of the response whose head has come."""
        self._end()
        self._noted["status"] = int(status)

    def failed(self, error: BaseException) -> None:
        """Note the exception that ended the call."""
        self._end()
        self._noted["error"] = f"{type(error).__name__}: {safe_str(error, ERROR_MAX)}"

    def _end(self) -> None:
        self._noted["took_us"] = int((monotonic() - self._began) * 1_000_000)


def url_of(scheme: str, host: str, port: int | None, target: str) -> str:
    """Return the URL of a request; a target in absolute form, as a proxy gets it, is the URL already."""
    if target.startswith(("http://", "https://")):
        return target
    named = f"[{host}]" if ":" in host and not host.startswith("[") else host
    shown = "" if port is None or port == _DEFAULT_PORTS.get(scheme) else f":{port}"
    return f"{scheme}://{named}{shown}{target if target.startswith('/') else f'/{target}'}"


def without_userinfo(url: str) -> str:
    """Return the URL without a user's name and password."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    return f"{scheme}://{rest[:end].rpartition('@')[2]}{rest[end:]}"
