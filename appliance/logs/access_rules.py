"""The rules of access events, from the settings: secret query parameters, quiet paths, slow requests.

Runs in the supervisor, and in a process that uses the server as a library.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Collection

# OpenTelemetry's registry, url.query: the values of these keys are redacted, compared case-sensitively. The first two
# are from its earlier versions (signatures of Amazon S3, version 2), and are no less secret.
SECRETS = frozenset(
    {
        "AWSAccessKeyId",
        "Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Goog-Signature",
        "sig",
    }
)
# Werkzeug's debugger: the PIN that opens it, and the secret of the page that asks for it.
_DEBUGGER, _DEBUGGERS = "__debugger__=", frozenset({"pin", "s"})


class Rules:
    """One set of rules.

    Args:
        redact: further query parameters whose values are secret; upper and lower case count as equal.
        quiet: paths of health checks; their success is logged at level debug.
        slow_s: a request is slow if its first byte takes this long; 0 for never.

    Attributes:
        secret_names: ``redact`` in lower case.
    """

    def __init__(self, *, redact: Collection[str] = (), quiet: Collection[str] = (), slow_s: float = 0.0) -> None:
        self.secret_names = frozenset(name.lower() for name in redact)
        self.quiet = frozenset(quiet)
        self.slow_us = int(slow_s * 1_000_000) or (1 << 62)
        names = "|".join(
            [_DEBUGGER[:-1], *map(re.escape, sorted(SECRETS)), *(f"(?i:{re.escape(name)})" for name in redact)]
        )
        # Whether a query may hold a secret: 0.3 µs, where parsing it costs 1.1. A key may be percent-encoded.
        self.suspicious = re.compile(rf"(?:^|&)(?:{names})=|%").search

    def redacted(self, query: str) -> str:
        """Return the query with secret values replaced by OpenTelemetry's REDACTED; the rest stays as it was sent."""
        more = _DEBUGGERS if _DEBUGGER in query else frozenset()
        return "&".join(
            f"{key}=REDACTED" if equals and self._is_secret(unquote_plus(key), more) else part
            for part in query.split("&")
            for key, equals, _ in (part.partition("="),)
        )

    def _is_secret(self, key: str, more: frozenset[str]) -> bool:
        return key in SECRETS or key in more or key.lower() in self.secret_names


PLAIN = Rules()
