"""The options of a start: how a worker, a snapshot or a stand-in serves. JSON values, each always there.

``supervisor/processes/child_options`` writes them, from the settings of the same name unless another source is named.
"""

from __future__ import annotations

from typing import Any, TypedDict


class StartOptions(TypedDict):
    """The options, with their values for a stand-in where those are fixed."""

    threads: int  # how many requests may run at once; a stand-in has a number of its own
    limits: LimitOptions
    allowed_hosts: list[str]  # names that are served in addition to those of this machine, with PUBLIC_URL's
    trusted_proxies: list[str]  # addresses and networks
    workspace_hosts: list[tuple[str, str]]  # scheme and host by which a workspace forwards; lists, in JSON
    tls: TlsOptions | None  # None: HTTP
    pages: PageOptions | None  # the appliance's own pages; None: they are off
    # -- a worker's, or a snapshot's
    adapter: AdapterOptions | None  # for an ASGI application; None: it is refused. A stand-in: None
    debugger: DebuggerOptions | None  # None: no debugger. A stand-in: None
    removed: list[str]  # files of modules that were removed or renamed: they may explain an import that fails
    watched: str  # a pattern of the paths whose use is noted; "": none is, and nothing reloads
    error_pages: ErrorPageOptions  # a stand-in: {}
    records: bool  # there is a recorder: its socket comes with a worker's start
    mail: str  # "keep": mail is shown and not sent; "send"; "" for a stand-in
    tracing: SamplerOptions | None  # of spans, whose socket comes with a worker's start; None: there are none


class LimitOptions(TypedDict):
    """The limits that are settings; ``server.http.limits.Limits`` has the others."""

    slow_request_s: float  # report a running request after this time; 0: never
    header_timeout_s: float
    body_timeout_s: float
    idle_timeout_s: float
    max_header_bytes: int
    max_body_bytes: int  # 0: no limit


class TlsOptions(TypedDict):
    """The texts of the certificate's files, in PEM."""

    chain: str
    key: str


class AdapterOptions(TypedDict):
    """The adapter of an ASGI application."""

    folder: str  # a2wsgi's, in our environment; "": it is not installed
    action: str  # the advice where WebSockets are asked for


class DebuggerOptions(TypedDict):
    """The arguments of ``worker.debugger.listen``."""

    folder: str  # debugpy's, in the image; "": the project has its own
    bytecode: str  # the folder for its compiled code; "": none
    wait: bool  # for a client, before the project is imported


class SamplerOptions(TypedDict):
    """The arguments of ``protocol.traces.Sampler``."""

    name: str
    ratio: float  # of the traces, 0 to 1


class EditorOptions(TypedDict):
    """The link of a page to a line of a file."""

    name: str
    folder: str  # the project's, on the editor's machine; "": unknown


class ErrorPageOptions(TypedDict, total=False):
    """The facts that error pages show, and hide, in addition to the exception. A worker has the first two keys."""

    secret_names: list[str]  # variables whose values are masked
    saved: dict[str, Any]  # the last save, as in ``TellLastSave``
    editor: EditorOptions  # missing: no links


class AssistantOptions(TypedDict):
    """The rights of assistants."""

    mode: str  # "off", "read", "write"
    token: str  # "" if off


class PageOptions(TypedDict, total=False):
    """The appliance's own pages: a worker's part, or the stand-in's."""

    run_id: str  # of this run of the appliance; both have it
    # -- a worker's
    reload: str  # live reload, "auto": for clients on this machine; "on": for all; "off"
    # -- the stand-in's
    token: str  # opens the pages from another host
    public_url: str  # "": none is set
    desk: str  # the path of the desk's database; "": nothing is recorded
    socket: str  # the path of the supervisor's status socket
    assistants: AssistantOptions
