"""Decide the rights of assistants, and hold the token with which they ask over HTTP. Runs in the supervisor's loop.

Programs whose configuration is written once need the token. So the token is kept over restarts, in a file of the cache
that only this user can read. The log does not contain the token; ``appliance mcp --print-config http`` prints it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from functools import cached_property
from typing import TYPE_CHECKING

from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.protocol.start.start_options import AssistantOptions
    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.runtime import Runtime

READ_ONLY = "APPLIANCE_MCP is not write. Ask the person to set APPLIANCE_MCP=write, and to restart the appliance."
_TOKEN = re.compile(rb"[A-Za-z0-9_-]{43}")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class AssistantAccess:
    """The rights of assistants.

    Args:
        runtime: the supervisor's.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._settings = runtime.settings
        self._log = runtime.log

    @cached_property
    def token(self) -> str:
        """The secret that an assistant sends; another one for each project."""
        name = hashlib.sha256(os.fsencode(str(self._settings.project))).hexdigest()[:16]
        token = kept_token(user_cache(self._settings.cache) / "desk", f"{name}.token")
        self._log.add_secrets({}, [token])
        return token

    def page_options(self) -> AssistantOptions:
        """Return the options of the stand-in."""
        mode = self._settings.mcp
        return {"mode": mode, "token": "" if mode == "off" else self.token}

    def answerers(self, url: str | None) -> Mapping[str, Answerer]:
        """Return a function for each question of the status socket; ``url``: the address for a browser, if known."""
        shown = url if self._settings.pages == "on" else None
        return {"assistants": lambda callback: callback({**self.page_options(), "url": shown})}


def kept_token(folder: Path, name: str) -> str:
    """Return the token in a file; make another file if it is missing or not ours. Without a file, the token is new."""
    token = secrets.token_urlsafe(32)
    try:
        with open_folder(str(folder), LEVELS, make=CLOSED) as opened:
            place = opened.descriptor
            if found := _read(place, name):
                return found
            aside = f"{name}.{secrets.token_hex(4)}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=place)
            with os.fdopen(descriptor, "wb") as file:
                file.write(token.encode())
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=place)  # it could not be read, or others could
                os.link(aside, name, src_dir_fd=place, dst_dir_fd=place)
            except FileExistsError:  # another appliance was faster
                return _read(place, name) or token
            finally:
                os.unlink(aside, dir_fd=place)
    except OSError:
        pass  # read-only, full: the token counts until the stop
    return token


def _read(folder: int, name: str) -> str:
    """Return the token of a file that only this user can have written and can read; "" for every other file."""
    try:
        descriptor = os.open(name, os.O_RDONLY | _FLAGS, dir_fd=folder)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
        content = file.read(100) if is_ours else b""
    return content.decode() if _TOKEN.fullmatch(content) else ""
