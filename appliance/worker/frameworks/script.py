"""Run a file as ``python app.py`` does, up to the server that it starts: we serve instead.

Provides ``__main__`` for such a project, and catches the call of its server (``intercepts`` knows the servers). Runs in
the worker's main thread.

Theory of operation. The file calls its server with an application, and we serve the application within that call. So
nothing is unwound: the file's ``finally`` blocks run when we end, as they would run when the file's own server ends. A
server that the file starts in another thread (metrics on a separate port) is left alone.

Decision 19 says why.
"""

from __future__ import annotations

import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import intercepts
from .script_rendezvous import ScriptRendezvous, Serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..files.source_loader import Loader
    from ..hooks import Hooks
    from ..side_applications import SideApplications


class ScriptEnded(Exception):  # noqa: N818  it tells what happened; the worker makes an error of it
    """The file ran to its end, or exited, without serving anything."""

    def __init__(self, text: str, namespace: dict[str, Any]) -> None:
        super().__init__(text)
        self.namespace = namespace


def run(
    file: str,
    package: str,
    serve: Serve,
    check: Serve,
    hooks: Hooks,
    *,
    loader: Loader,
    side_applications: SideApplications,
) -> None:
    """Run the file as ``__main__``, within ``package`` unless that is empty; return when serving has ended.

    ``loader`` gives its code. ``side_applications`` collects the applications that the file itself serves in other
    threads.

    Raises:
        ScriptEnded: the file served nothing.
        BaseException: the file raised this before it served.
    """
    rendezvous = ScriptRendezvous(serve, check, hooks, side_applications)
    intercepts.install(rendezvous)
    main = ModuleType("__main__")
    main.__dict__.update(__file__=file, __builtins__=sys.modules["builtins"], __package__=package or None)
    sys.modules["__main__"] = main
    code = loader("__main__", file).get_code("__main__")
    _run_to_server(rendezvous, lambda: exec(code, vars(main)), vars(main))  # noqa: S102  running the project's file is the point


def call(
    function: Callable[[], Any], serve: Serve, check: Serve, hooks: Hooks, side_applications: SideApplications
) -> None:
    """Call the function of a console script, as ``run`` runs a file; ``function`` also imports it."""
    rendezvous = ScriptRendezvous(serve, check, hooks, side_applications)
    intercepts.install(rendezvous)
    _run_to_server(rendezvous, function, {})


def _run_to_server(rendezvous: ScriptRendezvous, begin: Callable[[], Any], namespace: dict[str, Any]) -> None:
    try:
        begin()
    except SystemExit as end:
        if not rendezvous.served:
            raise ScriptEnded(f"it ended with {end.code!r}", namespace) from end
    except BaseException:
        if not rendezvous.served:
            raise
        traceback.print_exc()  # as the file's own interpreter would do after its server's end
    if not rendezvous.served:
        raise ScriptEnded("it ran to its end", namespace)
