"""Keep a link with a fixed path to the project's environment, for editors that are configured once.

The link stands beside the status socket. Runs in the supervisor.
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
    """Make a link to the environment in this folder. Return False if that is impossible: the link is a convenience.

    The editor runs programs through this link, so no link is made in a folder in which other users could replace it.
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
