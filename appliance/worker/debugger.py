"""debugpy in a worker: it listens on loopback, on a port of its own that the supervisor is told.

Owns the start. Knows nothing of clients: the supervisor relays them from the one port that an editor knows. Runs in a
worker's main thread before the project is imported, and only where DEBUGPY is set; loaded only then.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Looked up by pydevd on each thread: these may not be stopped with the others when one is at a breakpoint.
_EXEMPTIONS = ("pydev_do_not_trace", "is_pydev_daemon_thread")
# pydevd asks for -Xfrozen_modules=off, for the sake of breakpoints in the standard library's importlib.
_QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def exempt(thread: object) -> None:
    """This thread goes on while others stand at a breakpoint; to be called before it starts."""
    for name in _EXEMPTIONS:
        setattr(thread, name, True)


def listen(folder: str, bytecode: str, *, wait: bool, tell: Callable[[int, bool], None]) -> None:
    """Start debugpy, the project's own or the one in ``folder``, and ``tell`` its port and whether it waits.

    Args:
        folder: where the appliance brings it; appended last, so that the project's own is preferred.
        bytecode: where its compiled code may be kept.
        wait: return when a client has come.
        tell: called with the port, and whether it waits for a client.

    Raises:
        ImportError: there is none.
        RuntimeError: it can't listen.
    """
    if folder:
        sys.path.append(folder)
    before = {name: os.environ.get(name) for name in _QUIET}  # noqa: TID251  read by pydevd, and taken away again below
    writes, prefix = sys.dont_write_bytecode, sys.pycache_prefix
    os.environ.update(_QUIET)  # noqa: TID251  as above
    if bytecode:
        sys.dont_write_bytecode, sys.pycache_prefix = False, bytecode
    try:
        debugpy: Any = importlib.import_module("debugpy")  # noqa: TID251  none of ours, and not there where nobody debugs
        # Its adapter is a process of its own; nothing of the project's environment may change how that starts.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}  # noqa: TID251  as above
        if bytecode:
            kept["PYTHONPYCACHEPREFIX"] = bytecode
        debugpy.configure(pythonEnv=kept)
        _, port = debugpy.listen(("127.0.0.1", 0))
    finally:
        sys.dont_write_bytecode, sys.pycache_prefix = writes, prefix
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)  # noqa: TID251  as above
            else:
                os.environ[name] = value  # noqa: TID251  as above
    tell(port, wait)
    if wait:
        debugpy.wait_for_client()
        tell(port, False)  # noqa: FBT003  what the call means stands in its annotation above
