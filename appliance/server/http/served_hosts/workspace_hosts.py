"""Recognise the names by which a workspace's own proxy forwards its port: of Codespaces or Coder, for example.

No other site can have such a name, so it is served. The proxy speaks HTTPS with the browser and HTTP with this server:
a request that it has forwarded to such a name gets the name's scheme, or every check of ``Origin`` would fail. No other
claim of the proxy is believed, because any client can send the same field.

Decision 47 says why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ....conventions import ANY_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable


class WorkspaceHosts:
    """The names of one workspace.

    Args:
        names: a scheme and a host for each; ``{port}`` in the host stands for any number.
    """

    def __init__(self, names: Iterable[tuple[str, str]] = ()) -> None:
        self._schemes = [(_pattern(host), scheme) for scheme, host in names]

    def scheme_of(self, name: str) -> str:
        """Return the scheme of a name in lower case, without a port; empty if it is not one of the workspace's."""
        return next((scheme for pattern, scheme in self._schemes if pattern.fullmatch(name)), "")


def _pattern(host: str) -> re.Pattern[str]:
    return re.compile("[0-9]{1,5}".join(map(re.escape, host.lower().split(ANY_PORT))))
