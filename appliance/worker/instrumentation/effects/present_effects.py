"""Find the effects of the present request, the one of this context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....server.wsgi.access_log.exchange import current
from ..details import Details

if TYPE_CHECKING:
    from .request_effects import Effects


def present_effects() -> Effects | None:
    """Return where the effects of this request are noted; None outside of a request that is recorded whole."""
    exchange = current.get()
    details = exchange.details if exchange is not None else None
    return details.effects if isinstance(details, Details) and details.whole else None
