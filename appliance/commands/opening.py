"""What every command begins with: which project, as whom, with which settings.

Owns the order: the folder's owner first, then the drop to it, and only then the first look into the folder.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.boot.capabilities import renounce
from appliance.boot.env import Environment, load_environment
from appliance.boot.folder import check_folder
from appliance.boot.identity import become, owner_of, user_cache
from appliance.boot.settings import Settings, read_early, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKSPACE = Path("/workspace")


@dataclass(frozen=True)
class Opening:
    """A project that can be looked at.

    Attributes:
        process: the pristine environment.
        flags: the settings that the command line gave, by field.
        environment: ``process`` and the project's .env files, merged.
        settings: the appliance's.
    """

    process: Mapping[str, str]
    flags: Mapping[str, str]
    environment: Environment
    settings: Settings

    def argv(self) -> list[str]:
        """The same flags for another command of ours, wherever it is started."""
        flags = {**self.flags, "project": str(self.settings.project)}
        return [f"--{field.replace('_', '-')}={text}" for field, text in flags.items()]


def open_project(process: Mapping[str, str], flags: Mapping[str, str]) -> Opening:
    """Become the owner of the project, and read its settings.

    Raises:
        ApplianceError: the folder, a .env file or a setting is not as it must be.
    """
    cwd = Path.cwd()
    early = read_early(process, flags, cwd)
    if "APPLIANCE_IMAGE" in process and early.project == WORKSPACE and _nothing_mounted(WORKSPACE):
        example = Path(sys.prefix) / "examples" / "hello"
        flags = {**flags, "project": str(example)}
        early = read_early(process, flags, cwd)
    become(owner_of(early.project), early.cache)
    if "APPLIANCE_IMAGE" in process:
        renounce(user_cache(early.cache))
    check_folder(early.project)
    environment = load_environment(process, early.project, early.env_files)
    settings = read_settings(environment.values, environment.origins, flags, cwd)
    return Opening(process, flags, environment, settings)


def _nothing_mounted(folder: Path) -> bool:
    """Whether the image's own empty folder is still there; an empty mount is a project, though an empty one."""
    try:
        return not folder.is_mount() and not any(folder.iterdir())
    except OSError:
        return False
