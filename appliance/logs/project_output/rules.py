"""What is said of a request, as the settings have it.

Owns which values of a query are never written, which requests are quiet, and which are slow. Runs wherever lines are
rendered.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Collection

# OpenTelemetry's registry, url.query: the values of these keys are redacted, compared with regard to case. The first
# two stood in earlier versions (signatures of Amazon S3, version 2), and are no less secret.
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
        redact: further keys of a query whose values are secret; case is not regarded.
        quiet: paths of health checks, whose success is nothing to speak of.
        slow_s: how long until the first byte makes a request slow; 0 for never.
    """

    def __init__(self, *, redact: Collection[str] = (), quiet: Collection[str] = (), slow_s: float = 0.0) -> None:
        self._redact = frozenset(name.lower() for name in redact)
        self.quiet = frozenset(quiet)
        self.slow_us = int(slow_s * 1_000_000) or (1 << 62)
        names = "|".join(
            [_DEBUGGER[:-1], *map(re.escape, sorted(SECRETS)), *(f"(?i:{re.escape(name)})" for name in redact)]
        )
        # Whether a query may hold one at all: 0.3 µs, where taking it to pieces costs 1.1. A key may be encoded.
        self.suspicious = re.compile(rf"(?:^|&)(?:{names})=|%").search

    def redacted(self, query: str) -> str:
        """The query with the values of secret keys replaced by OpenTelemetry's word; all else as it was sent."""
        more = _DEBUGGERS if _DEBUGGER in query else frozenset()
        return "&".join(
            f"{key}=REDACTED" if equals and self._is_secret(unquote_plus(key), more) else part
            for part in query.split("&")
            for key, equals, _ in (part.partition("="),)
        )

    def _is_secret(self, key: str, more: frozenset[str]) -> bool:
        return key in SECRETS or key in more or key.lower() in self._redact


PLAIN = Rules()
