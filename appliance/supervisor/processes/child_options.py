"""Make the options with which a worker, a snapshot or a stand-in serves; ``spawn`` sends them.

Most are settings. The others are facts of this start, such as the token of the own pages.
"""

from __future__ import annotations

import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from appliance.config.port_forwarding import workspace_hosts
from appliance.config.tables.server_settings import ASGI_THREADS
from appliance.conventions import OWN_PAGES
from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder
from appliance.watch.kinds import watched_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config.certificate import Certificate
    from appliance.protocol.start.start_options import (
        AdapterOptions,
        AssistantOptions,
        DebuggerOptions,
        LimitOptions,
        PageOptions,
        StartOptions,
        TlsOptions,
    )
    from appliance.supervisor.log_consumers.consumers import LogConsumers
    from appliance.supervisor.reporting.page_facts import PageFacts
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.analysis import Analysis


class ChildOptions:
    """Makes the options of one start of the appliance.

    Args:
        certificate: of HTTPS; None: HTTP.
        reload_trigger: knows the files that were removed.
        page_facts: the facts that error pages show.
        consumers: what records and exports requests.
        assistants: returns the rights of assistants.
    """

    def __init__(
        self,
        runtime: Runtime,
        certificate: Certificate | None,
        reload_trigger: ReloadTrigger,
        page_facts: PageFacts,
        consumers: LogConsumers,
        *,
        assistants: Callable[[], AssistantOptions],
    ) -> None:
        self._settings = settings = runtime.settings
        self._certificate = certificate
        self._reload_trigger = reload_trigger
        self._page_facts = page_facts
        self._recorder = consumers.recorder
        self._exporter = consumers.exporter
        self._assistants = assistants
        self._token = secrets.token_urlsafe(32)  # of the appliance's own pages, for this start: 256 random bits
        # The same for each child: a save does not wait for their texts.
        self._hosts = [*settings.allowed_hosts, urlsplit(settings.public_url).hostname or "localhost"]
        self._workspace_hosts = workspace_hosts(runtime.process)
        is_watched = settings.reload == "on"
        self._watched = watched_names(settings.env_files, settings.watch_extra) if is_watched else ""
        adapter = find_spec("a2wsgi")
        self._adapter_folder = str(Path(adapter.origin).parent) if adapter and adapter.origin else ""

    def pages_url(self, url: str) -> str:
        """Return the address that opens the appliance's own pages, with the token of this start."""
        return f"{url.rstrip('/')}{OWN_PAGES}/?token={self._token}"

    def standin(self) -> StartOptions:
        """Return the options of a stand-in."""
        settings = self._settings
        pages: PageOptions = {
            "token": self._token,
            "public_url": settings.public_url,
            "run_id": self._recorder.run_id,
            "desk": self._recorder.path,
            "socket": settings.status_socket,
            "assistants": self._assistants(),
        }
        return self._options(settings.threads, pages)

    def worker(self, analysis: Analysis) -> StartOptions:
        """Return the options of a worker, or of a process that imports the project as a worker does."""
        settings = self._settings
        reload = settings.browser_reload if settings.reload == "on" else "off"
        return {
            **self._options(self._threads(analysis), {"reload": reload, "run_id": self._recorder.run_id}),
            "adapter": self._adapter(analysis),
            "debugger": self._debugger(),
            "removed": self._reload_trigger.removed_files(),
            "error_pages": self._page_facts.options(),
            "mail": settings.mail,
            "tracing": self._exporter.tracing,
        }

    def _options(self, threads: int, pages: PageOptions) -> StartOptions:
        """Return the options, without what only a worker has; ``pages`` are left out if they are off."""
        settings = self._settings
        return {
            "threads": threads,
            "limits": self._limits(),
            "allowed_hosts": self._hosts,
            "trusted_proxies": list(settings.trusted_proxies),
            "workspace_hosts": self._workspace_hosts,
            "tls": self._tls(),
            "pages": None if settings.pages == "off" else pages,
            "adapter": None,
            "debugger": None,
            "removed": [],
            "watched": self._watched,
            "error_pages": {},
            "records": self._recorder.details >= 0,
            "mail": "",
            "tracing": None,
        }

    def _threads(self, analysis: Analysis) -> int:
        """Return the number of threads of a worker."""
        if analysis.project.target.interface == "asgi" and self._settings.origins["threads"] == "default":
            return ASGI_THREADS
        return self._settings.threads

    def _limits(self) -> LimitOptions:
        settings = self._settings
        return {
            "slow_request_s": settings.slow_request_s,
            "header_timeout_s": settings.header_timeout_s,
            "body_timeout_s": settings.body_timeout_s,
            "idle_timeout_s": settings.idle_timeout_s,
            "max_header_bytes": settings.max_header_bytes,
            "max_body_bytes": settings.max_body_bytes,
        }

    def _tls(self) -> TlsOptions | None:
        certificate = self._certificate
        return {"chain": certificate.chain, "key": certificate.key} if certificate else None

    def _adapter(self, analysis: Analysis) -> AdapterOptions | None:
        """Return the adapter for an ASGI application, if the setting asks for it: our dependency, not the project's."""
        if not analysis.adapts:
            return None
        return {"folder": self._adapter_folder, "action": analysis.websockets}

    def _debugger(self) -> DebuggerOptions | None:
        if not self._settings.debugpy:
            return None
        bundled = Path(sys.prefix) / "debugpy"  # in the image; elsewhere the project may have its own
        return {
            "folder": str(bundled) if bundled.is_dir() else "",
            "bytecode": _own_bytecode(self._settings.cache),
            "wait": self._settings.debugpy_wait == "on",
        }


def _own_bytecode(cache: Path) -> str:
    """Return the folder for the debugger's compiled code, which other users can't open; empty if there is none."""
    folder = str(user_cache(cache) / "bytecode")
    try:
        open_folder(folder, LEVELS, make=CLOSED).close()
    except OSError:
        return ""
    return folder
