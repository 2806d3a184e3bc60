"""Read from the environment under which URLs a workspace's own proxy forwards a port. Runs in the supervisor.

Each rule reads only what the workspace itself sets, and names this workspace alone. A rule for all workspaces of a
service (``*.app.github.dev``) would let the page of another one reach this server by DNS rebinding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.conventions import ANY_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]+", re.IGNORECASE)
# The domains that GitHub has used; a codespace names its own in a variable.
_GITHUB_DOMAINS = ("app.github.dev", "preview.app.github.dev", "githubpreview.dev")


def _codespaces(process: Mapping[str, str]) -> list[str]:
    """docs.github.com, "Default environment variables for your codespace"."""
    name = process.get("CODESPACE_NAME", "")
    if process.get("CODESPACES") != "true" or not _LABEL.fullmatch(name):
        return []
    own = process.get("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "")
    domains = dict.fromkeys([*([own] if _DOMAIN.fullmatch(own) else []), *_GITHUB_DOMAINS])
    return [f"https://{name}-{ANY_PORT}.{domain}" for domain in domains]


def _vscode_proxy(process: Mapping[str, str]) -> list[str]:
    """code-server's variable, which Coder's agent sets too: a URL with ``{{port}}`` in its host or its path."""
    uri = process.get("VSCODE_PROXY_URI", "")
    return [uri.replace("{{port}}", ANY_PORT)] if "{{port}}" in uri else []


def _gitpod(process: Mapping[str, str]) -> list[str]:
    """Gitpod Classic: ``gp url PORT`` puts the port before the workspace's own host."""
    scheme, _, host = process.get("GITPOD_WORKSPACE_URL", "").partition("://")
    return [f"{scheme}://{ANY_PORT}-{host}"] if host else []


_RULES: tuple[Callable[[Mapping[str, str]], list[str]], ...] = (_codespaces, _vscode_proxy, _gitpod)


def workspace_hosts(process: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return scheme and host of each URL, with ``{port}`` where the forwarded port stands."""
    return [(scheme, host) for scheme, host, _ in _parsed(process)]


def forwarded_url(process: Mapping[str, str], port: int) -> str:
    """Return the URL of a port of this workspace; empty if none is known, or if the proxy puts it below a path.

    The appliance's pages and many projects do not work below a path that the proxy removes.
    """
    for scheme, host, suffix in _parsed(process):
        if ANY_PORT in host:
            return f"{scheme}://{host.replace(ANY_PORT, str(port))}{suffix}"
    return ""


def _parsed(process: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return scheme, host and ``:port`` of each URL; a value that is not a URL of a name counts as not set."""
    found = []
    for url in (url for rule in _RULES for url in rule(process)):
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and _DOMAIN.fullmatch(host.replace(ANY_PORT, "8000")):
            found.append((parts.scheme, host, f":{port}" if port else ""))
    return found
