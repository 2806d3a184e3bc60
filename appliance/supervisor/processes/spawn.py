"""Start the project's side: a worker in the project's interpreter, a stand-in in the appliance's.

This module sends each process its target, limits, hosts and the listening socket. Other modules decide when.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from appliance.config.port_forwarding import workspace_hosts
from appliance.config.tables.server_settings import ASGI_THREADS
from appliance.conventions import OWN_PAGES
from appliance.environment.start_failure import start_error
from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder
from appliance.protocol.inflight import MAX_STREAMS, MAX_TRANSFERS
from appliance.protocol.messages import Start
from appliance.protocol.output_frames import new_mark
from appliance.protocol.snapshot_messages import GoOn, ImportAhead
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_roles import TITLES, Role
from appliance.supervisor.processes.environment_link import link
from appliance.watch.kinds import watched_names

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

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
    from appliance.protocol.start.start_target import StartTarget
    from appliance.supervisor.log_consumers.consumers import LogConsumers
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.page_facts import PageFacts
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.saves.reload_trigger import ReloadTrigger
    from appliance.supervisor.steps.analysis import Analysis

# Requests that can run without a thread of the pool: the server's limits of long requests, and of slow transfers.
_WITHOUT_THREAD = MAX_STREAMS + MAX_TRANSFERS
_STDIN = 0


class Spawner:
    """Starts children of the project's side, and sends each the listening socket."""

    def __init__(
        self,
        runtime: Runtime,
        listener: socket.socket,
        certificate: Certificate | None,
        reload_trigger: ReloadTrigger,
        page_facts: PageFacts,
        consumers: LogConsumers,
        *,
        assistants: Callable[[], AssistantOptions],
    ) -> None:
        self._reload_trigger = reload_trigger
        self._page_facts = page_facts
        self._recorder = consumers.recorder
        self._exporter = consumers.exporter
        self._assistants = assistants
        self.token = secrets.token_urlsafe(32)  # of the appliance's own pages, for this start: 256 random bits
        self._children = runtime.children
        self._settings = runtime.settings
        self._process = runtime.process
        self._listener = listener
        self._certificate = certificate
        adapter = find_spec("a2wsgi")
        self._marks: WeakKeyDictionary[Handle, bytes] = WeakKeyDictionary()  # of the output of what imports ahead
        # The same for each child: a save does not wait for their texts.
        self._code = str(user_cache(self._settings.cache) / "code")
        self._hosts = [*self._settings.allowed_hosts, urlsplit(self._settings.public_url).hostname or "localhost"]
        self._workspace_hosts = workspace_hosts(self._process)
        is_watched = self._settings.reload == "on"
        self._watched = watched_names(self._settings.env_files, self._settings.watch_extra) if is_watched else ""
        self._adapter_folder = str(Path(adapter.origin).parent) if adapter and adapter.origin else ""

    def pages_url(self, url: str) -> str:
        """Return the address that opens the appliance's own pages, with the token of this start."""
        return f"{url.rstrip('/')}{OWN_PAGES}/?token={self.token}"

    def worker(self, generation: int, analysis: Analysis) -> Handle:
        """Start this generation of the project.

        Raises:
            StartError: its interpreter can't be started.
        """
        # In the image, and with the dev container Feature; elsewhere an editor finds the project's own environment.
        if self._process.get("APPLIANCE_STATUS_SOCKET"):
            link(Path(self._settings.status_socket).parent, analysis.plan.environment)
        child = child_starts.spawn_side(
            Role.WORKER,
            generation,
            analysis.plan.python,
            environment=analysis.variables,
            folder=analysis.project.root,
        )
        return self.initialise(self._children.add(child), analysis)

    def initialise(self, child: Handle, analysis: Analysis, changed: Sequence[str] = ()) -> Handle:
        """Send a worker, started or forked, the message with which it serves the project.

        ``changed``: the files that have changed since the import of the snapshot that it was forked from.
        """
        return self._initialise(child, analysis.project.target.as_dict(), self._adapter(analysis), changed)

    def import_ahead(self, child: Handle, analysis: Analysis, before: Sequence[str] = ()) -> Handle:
        """Send a fork of the preloader the message with which it imports the project as a worker does.

        ``before``: the files before which the import pauses.
        """
        target = analysis.project.target.as_dict()
        mark = self._marks[child] = new_mark()
        child.expect(mark)
        message = ImportAhead(
            child.generation, str(self._settings.project), target,
            self._options(Role.WORKER, target, self._adapter(analysis)), mark=mark.hex(), code=self._code,
            before=list(before),
        )  # fmt: skip
        self._children.send(child, message)
        return child

    def go_on(self, child: Handle, checkpoint: Handle) -> None:
        """Have a fork of a checkpoint import the rest; its output has the same mark."""
        mark = self._marks[child] = self._marks[checkpoint]
        child.expect(mark)
        self._children.send(child, GoOn())

    def standin(self, generation: int) -> Handle:
        """Start a stand-in, whose records have this generation.

        Raises:
            StartError: no process can be started.
        """
        child = child_starts.spawn_side(
            Role.STANDIN, generation, Path(sys.executable), environment=self._process, folder=Path("/")
        )
        return self._initialise(self._children.add(child), {})

    def _debugger(self) -> DebuggerOptions | None:
        if not self._settings.debugpy:
            return None
        bundled = Path(sys.prefix) / "debugpy"  # in the image; elsewhere the project may have its own
        return {
            "folder": str(bundled) if bundled.is_dir() else "",
            "bytecode": _own_bytecode(self._settings.cache),
            "wait": self._settings.debugpy_wait == "on",
        }

    def _adapter(self, analysis: Analysis) -> AdapterOptions | None:
        """Return the adapter for an ASGI application, if the setting asks for it: our dependency, not the project's."""
        if self._settings.asgi != "adapt":
            return None
        return {"folder": self._adapter_folder, "action": analysis.websockets}

    def _pages(self, role: Role) -> PageOptions | None:
        """Return a child's options for the appliance's own pages; None if they are off."""
        settings = self._settings
        if settings.pages == "off":
            return None
        if role is Role.WORKER:
            reload = settings.browser_reload if settings.reload == "on" else "off"
            return {"reload": reload, "run_id": self._recorder.run_id}
        return {
            "token": self.token,
            "public_url": settings.public_url,
            "run_id": self._recorder.run_id,
            "desk": self._recorder.path,
            "socket": settings.status_socket,
            "assistants": self._assistants(),
        }

    def _tls(self) -> TlsOptions | None:
        certificate = self._certificate
        return {"chain": certificate.chain, "key": certificate.key} if certificate else None

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

    def _threads(self, target: StartTarget) -> int:
        """Return the number of threads of a worker."""
        if target.get("interface") == "asgi" and self._settings.origins["threads"] == "default":
            return ASGI_THREADS
        return self._settings.threads

    def _initialise(
        self,
        child: Handle,
        target: StartTarget,
        adapter: AdapterOptions | None = None,
        changed: Sequence[str] = (),
    ) -> Handle:
        """Send the child its start message; kill the child if that fails, because it can't serve.

        Raises:
            StartError: there are no descriptors left.
        """
        mark = new_mark()
        child.expect(mark)
        options = self._options(child.role, target, adapter)
        start = Start(
            child.role, child.generation, str(self._settings.project), target, options,
            mark=mark.hex(), code=self._code, changed=list(changed),
        )  # fmt: skip
        try:
            return self._send_start(child, start)
        except (OSError, ValueError) as error:
            self._children.kill(child)
            raise start_error(TITLES[child.role], error) from error

    def _options(self, role: Role, target: StartTarget, adapter: AdapterOptions | None) -> StartOptions:
        settings, worker = self._settings, role is Role.WORKER
        return {
            "threads": self._threads(target),
            "adapter": adapter,
            "allowed_hosts": self._hosts,
            "trusted_proxies": list(settings.trusted_proxies),
            "workspace_hosts": self._workspace_hosts,
            "debugger": self._debugger() if worker else None,
            "removed": self._reload_trigger.removed_files() if worker else [],
            "watched": self._watched,
            "pages": self._pages(role),
            "error_pages": self._page_facts.options() if worker else {},
            "records": self._recorder.details >= 0,
            "mail": settings.mail if worker else "",
            "tracing": self._exporter.tracing if worker else None,
            "tls": self._tls(),
            "limits": self._limits(),
        }

    def _send_start(self, child: Handle, start: Start) -> Handle:
        descriptors = [self._listener.fileno()]
        if child.role is Role.WORKER:
            notes = self._reload_trigger.notes.begin(child)
            try:
                descriptors += [child.count(start.options["threads"] + _WITHOUT_THREAD), notes]
                if self._recorder.details >= 0:
                    descriptors.append(self._recorder.details)
                if self._exporter.spans >= 0:
                    descriptors.append(self._exporter.spans)
                if _is_terminal(_STDIN):
                    descriptors.append(_STDIN)
                self._children.send(child, start, descriptors)
            finally:
                os.close(notes)
        else:
            self._children.send(child, start, descriptors)
        return child


def _own_bytecode(cache: Path) -> str:
    """Return the folder for the debugger's compiled code, which other users can't open; empty if there is none."""
    folder = str(user_cache(cache) / "bytecode")
    try:
        open_folder(folder, LEVELS, make=CLOSED).close()
    except OSError:
        return ""
    return folder


def _is_terminal(descriptor: int) -> bool:
    """Whether a person can type there: the descriptor is a terminal, and can also be written to (docker's can)."""
    return os.isatty(descriptor) and fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
