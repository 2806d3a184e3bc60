"""The first steps of every command: find the project, switch to its owner, read the settings.

The order matters: find the folder's owner, switch to that user, and only then look into the folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.config.env import Environment, load_environment, without_copies
from appliance.config.settings import Settings, read_early, read_settings
from appliance.config.socket_folder import prepare_socket_folder
from appliance.config.table import TABLE
from appliance.errors import SettingsError
from appliance.identity.cache_folder import claim
from appliance.identity.capabilities import drop_capabilities
from appliance.identity.folder import check_folder
from appliance.identity.identity import owner_of, switch_user
from appliance.logs.sanitise import sanitise
from appliance.protocol.record import Record, replace
from appliance.supervisor.reporting.status_socket import answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.identity.cache_folder import Notice

WORKSPACE = Path("/workspace")
UNNAMED = "app"  # what is written for a project whose folder's name is not known
_PASSED_BY_COMPOSE = frozenset(setting.variable for setting in TABLE if not setting.early)


class OpenedProject(Record):
    """A project whose settings are read.

    Attributes:
        process: the environment of this process, without the settings that compose has copied from the project's files.
        flags: the settings that the command line gave, by field.
        environment: ``process`` and the project's .env files, merged.
        settings: the appliance's.
    """

    process: Mapping[str, str]
    flags: Mapping[str, str]
    environment: Environment
    settings: Settings

    def argv(self) -> list[str]:
        """Return the flags again, for another command of the appliance, started in any folder."""
        flags = {**self.flags, "project": str(self.settings.project), "cache": str(self.settings.cache)}
        return [f"--{field.replace('_', '-')}={text}" for field, text in flags.items()]

    def report_notices(self) -> None:
        """Print the notices on stderr; the supervisor makes events of them instead."""
        for _, fields in self.settings.notices:
            if "path" in fields:
                used = f"; {fields['instead']} is used instead" if "instead" in fields else ""
                line = f"appliance: {fields['path']}: {fields['reason']}{used}. {fields['action']}"
                sys.stderr.write(sanitise(line) + "\n")


def report_unread(opened: OpenedProject) -> None:
    """Print on stderr which parts of the project's .env files can't be read."""
    for part in opened.environment.unread:
        sys.stderr.write(sanitise(f"appliance: {part}") + "\n")


def open_project(process: Mapping[str, str], flags: Mapping[str, str], *, serves: bool = False) -> OpenedProject:
    """Switch to the owner of the project, find the cache folder, and read the project's settings.

    Args:
        process: the environment of this process, unchanged.
        flags: the settings that the command line gave, by field.
        serves: this process will listen on the status socket.

    Raises:
        ApplianceError: the folder or a setting is not valid.
    """
    cwd = Path.cwd()
    early = read_early(process, flags, cwd)
    in_image = "APPLIANCE_IMAGE" in process
    if in_image and early.project == WORKSPACE and _nothing_mounted(WORKSPACE):
        flags = {**flags, "project": str(_workspace(process) or Path(sys.prefix) / "examples" / "hello")}
        early = read_early(process, flags, cwd)
    owner = owner_of(early.project)
    notices: list[Notice] = []
    status_socket = Path(early.status_socket)
    if serves and not answers(status_socket):  # an appliance that already runs keeps its folder
        notices += prepare_socket_folder(status_socket.parent, owner.uid if owner else os.geteuid())
    notices += switch_user(owner, early.cache, terminals=in_image)
    claimed = claim(early.cache, Path(process.get("TMPDIR") or "/tmp"))  # noqa: S108  claim checks its own folder in it
    if in_image:
        drop_capabilities()
    check_folder(early.project)
    environment = load_environment(process, early.project, early.env_files, secrets=early.secrets)
    if in_image:
        process, environment = without_copies(
            process, environment, early.project, early.env_files, _PASSED_BY_COMPOSE, secrets=early.secrets
        )
    settings = read_settings(environment.values, environment.origins, flags, cwd)
    settings = replace(settings, cache=claimed.cache, notices=(*settings.notices, *notices, *claimed.notices))
    return OpenedProject(process, flags, environment, settings)


def mounted_folder(opened: OpenedProject, command: str) -> Path:
    """Return the project's folder, for a command that writes into it.

    Raises:
        SettingsError: nothing is mounted, so the project is the example of the image.
    """
    folder = opened.settings.project
    if folder.is_relative_to(sys.prefix):
        raise SettingsError(
            "no project is mounted",
            expected="the folder of a project at /workspace",
            action=f"docker run --rm -v .:/workspace wsgi-appliance {command}",
        )
    return folder


def folder_on_host(settings: Settings) -> Path:
    """Return the project's folder where its editor runs, if it is known: a container has each project at /workspace."""
    return Path(os.path.normpath(settings.editor_folder)) if settings.editor_folder else settings.project


def _nothing_mounted(folder: Path) -> bool:
    """Whether the image's own empty folder is still there; an empty folder that is mounted is an (empty) project."""
    try:
        return not folder.is_mount() and not any(folder.iterdir())
    except OSError:
        return False


def _workspace(process: Mapping[str, str]) -> Path | None:
    """Return the folder that a dev container mounts, if it is not ours: of a devcontainer.json that names the image."""
    folder = Path(process.get("APPLIANCE_WORKSPACE", ""))
    return folder if folder.is_absolute() and folder != Path("/") and folder.is_dir() else None
