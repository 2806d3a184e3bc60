"""Make the message about a request fit into the recorder's socket, by leaving out its largest parts.

By default a system lets a socket keep 425,984 bytes (``net.core.wmem_max``, doubled), and a message must fit as a
whole. Each part has a limit of its own. The whole is too large only if many parts are, of characters that JSON writes
in six bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...protocol.request_details import KIND, TRANSACTION

if TYPE_CHECKING:
    from ...protocol.request_details import RequestDetails

MESSAGE_MAX = 400_000  # bytes
_LISTS = ("mails", "templates", "calls")


def fitted(details: RequestDetails, most: int = MESSAGE_MAX) -> bytes:
    """Return the message, with as much as fits."""
    message = details.pack()
    effects: dict[str, Any] = details.info.get("effects", {})
    for name in _LISTS:
        if len(message) <= most:
            return message
        left_out = effects.pop(name, [])
        effects[f"{name}_left_out"] = effects.get(f"{name}_left_out", 0) + len(left_out)
        message = details.pack()
    if len(message) > most:
        details.info["body_cut"] = details.info.get("body_cut", 0) + len(details.body)
        details = details._replace(body=b"")
        message = details.pack()
    if len(message) > most:  # the texts of queries, then
        kinds = [each[KIND] for each in details.info.pop("queries", ())]
        left_out = len(kinds) - kinds.count(TRANSACTION)
        details.info["queries_left_out"] = details.info.get("queries_left_out", 0) + left_out
        details.info.pop("texts", None)
        message = details.pack()
    return message
