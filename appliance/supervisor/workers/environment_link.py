"""A path that does not change to an environment that does: for editors, which are told of an interpreter once.

Owns the link, beside the status socket. Runs in the supervisor.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from appliance.config.socket_folder import safe_folder

if TYPE_CHECKING:
    from pathlib import Path

NAME = "environment"


def link(folder: Path, environment: Path) -> bool:
    """Let ``folder/environment`` be ``environment``; whether it is. An editor's convenience is no reason to fail.

    The editor runs what it finds there: in a folder where others could replace the link there is none.
    """
    aside = f".{NAME}.new"
    try:
        with safe_folder(folder) as opened:
            with contextlib.suppress(OSError):
                if os.readlink(NAME, dir_fd=opened.descriptor) == str(environment):
                    return True
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside, dir_fd=opened.descriptor)
            os.symlink(environment, aside, dir_fd=opened.descriptor)
            os.replace(aside, NAME, src_dir_fd=opened.descriptor, dst_dir_fd=opened.descriptor)
    except OSError:
        return False
    return True
