"""Read the appliance's own settings: ``APPLIANCE_*`` variables and flags become one frozen object.

This module knows precedence, origins, and the errors for a setting that is unknown or can't be read. The table has each
setting's type and texts; this module does not know what a setting is for. Runs in the supervisor and in the commands,
once, at the start.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance import DISTRIBUTION
from appliance.config.setting import PREFIX, Setting
from appliance.config.table import TABLE
from appliance.errors import SettingsError
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

# The image sets these, the second one in a dev container; users can't set them, so they are not settings.
_RESERVED = frozenset({"APPLIANCE_IMAGE", "APPLIANCE_WORKSPACE"})
# Kubernetes gives each container of a namespace the addresses of its services: a service "appliance" sets these.
_SERVICE_LINK = re.compile(r"APPLIANCE_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)\Z")
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://")


class Settings(Record):
    """All settings. Times in seconds, sizes in bytes, switches as "on" and "off".

    Attributes:
        origins: where each field comes from: "default", "flag", "environment", or the name of a file.
        notices: events to log at the start, each with its fields.
    """

    app: str
    asgi: str
    project: Path
    host: str
    port: int
    public_url: str
    env_files: tuple[str, ...]
    secrets: str
    python: str
    install: str
    dependencies: tuple[str, ...]
    before_start: str
    companions: tuple[str, ...]
    companions_reload: tuple[str, ...]
    reload: str
    watch: str
    watch_extra: tuple[str, ...]
    preload: str
    swap: str
    ignore: tuple[str, ...]
    threads: int
    log_format: str
    log_level: str
    access_log: str
    log_fields: tuple[tuple[str, str], ...]
    redact: tuple[str, ...]
    quiet_paths: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    pages: str
    record: str
    mcp: str
    mail: str
    browser_reload: str
    editor: str
    editor_folder: str
    debugpy: int
    probe_port: int
    debugpy_wait: str
    tls_cert: str
    tls_key: str
    grace_s: float
    boot_timeout_s: float
    slow_request_s: float
    header_timeout_s: float
    body_timeout_s: float
    idle_timeout_s: float
    max_header_bytes: int
    max_body_bytes: int
    cache: Path
    status_socket: str
    origins: Mapping[str, str]
    notices: tuple[tuple[str, Mapping[str, object]], ...] = ()


class EarlySettings(Record):
    """The settings that are needed before any file of the project is read."""

    project: Path
    env_files: tuple[str, ...]
    secrets: str
    cache: Path
    status_socket: str


def read_early(process: Mapping[str, str], flags: Mapping[str, str], cwd: Path) -> EarlySettings:
    """Read the settings that come from the process environment and the flags alone.

    Raises:
        SettingsError: one of them can't be read.
    """
    reading = _Reader(process, dict.fromkeys(process, "environment"), flags, cwd)
    values = reading.values([setting for setting in TABLE if setting.early])
    reading.raise_problems()
    return EarlySettings(**values)


def read_settings(
    values: Mapping[str, str], origins: Mapping[str, str], flags: Mapping[str, str], cwd: Path
) -> Settings:
    """Read all settings: a flag wins over the environment, which wins over the project's files; empty means unset.

    Args:
        values: the environment, the project's files included (``env.Environment.values``).
        origins: where each value comes from (``env.Environment.origins``).
        flags: the flags that were given, by ``Setting.field``.
        cwd: the folder that relative paths start at.

    Raises:
        SettingsError: a name that is not a setting, or a value that can't be read; one error reports all of them.
    """
    reading = _Reader(values, origins, flags, cwd)
    links = reading.check_names()
    fields = reading.values(TABLE)
    reading.raise_problems()
    notices = (("settings.ignored", {"names": links, "reason": "Kubernetes' service links"}),) if links else ()
    return Settings(**fields, origins=reading.origins, notices=notices)


def read_again(settings: Settings, values: Mapping[str, str], origins: Mapping[str, str]) -> Settings:
    """Return the settings, of which those that each analysis reads are as the environment has them now; a flag wins.

    Args:
        settings: as they were read at the start.
        values: the environment now, as for ``read_settings``.
        origins: where each value comes from.

    Raises:
        SettingsError: one of them can't be read.
    """
    reading = _Reader(values, origins, {}, settings.project)
    fields = reading.values([each for each in TABLE if each.read_again and settings.origins.get(each.field) != "flag"])
    reading.raise_problems()
    return replace(settings, **fields, origins={**settings.origins, **reading.origins})


class _Reader:
    """One pass over the table; collects the values, and the problems."""

    def __init__(
        self, given: Mapping[str, str], given_origins: Mapping[str, str], flags: Mapping[str, str], cwd: Path
    ) -> None:
        self._given = given
        self._given_origins = given_origins
        self._flags = flags
        self._cwd = cwd
        self._problems: list[SettingsError] = []
        self.origins: dict[str, str] = {}

    def check_names(self) -> list[str]:
        """Note the names that are not settings; return those that Kubernetes set."""
        known = {setting.variable for setting in TABLE} | _RESERVED
        links = []
        for name in sorted(self._given):
            if not name.startswith(PREFIX):
                continue
            if self._is_service_link(name):
                links.append(name)
            elif name not in known:
                self._problems.append(_unknown(name, self._origin_of(name)))
        return links

    def values(self, settings: list[Setting] | tuple[Setting, ...]) -> dict[str, Any]:
        """Return each setting's value, by field; note those that can't be read."""
        fields: dict[str, Any] = {}
        for setting in settings:
            text, origin, name = self._text(setting)
            self.origins[setting.field] = origin
            try:
                fields[setting.field] = (
                    setting.value_type.read(text, self._cwd) if text else self._unset(setting, fields)
                )
            except (ValueError, RuntimeError):  # RuntimeError: expanduser of an unknown user
                self._problems.append(_unreadable(setting, name, text, origin))
            else:
                if setting.early and origin not in {"default", "flag", "environment"}:
                    self._problems.append(_too_late(setting, origin))
        return fields

    def raise_problems(self) -> None:
        """Raise the noted problems."""
        if len(self._problems) == 1:
            raise self._problems[0]
        if self._problems:
            raise SettingsError(
                "; ".join(problem.found for problem in self._problems),
                expected="; ".join(dict.fromkeys(problem.expected for problem in self._problems)),
                action=" ".join(dict.fromkeys(problem.action for problem in self._problems)),
                problems=[problem.fields() for problem in self._problems],
            )

    def _text(self, setting: Setting) -> tuple[str, str, str]:
        """Return the winning text, its origin, and the name under which it was given."""
        if self._flags.get(setting.field):
            return self._flags[setting.field], "flag", setting.flag
        name = setting.variable
        if self._given.get(name) and not self._is_service_link(name):
            return self._given[name], self._origin_of(name), name
        # In the image the port inside is the image's: a PORT of a platform or a project would move the server away from
        # the published port. In a file, PORT is the project's own variable.
        if name == "APPLIANCE_PORT" and "APPLIANCE_IMAGE" not in self._given and self._from_process("PORT"):
            return self._from_process("PORT"), "environment", "PORT"
        return setting.default, "default", name

    def _unset(self, setting: Setting, fields: Mapping[str, Any]) -> object:
        """Return the value if neither a text nor a default is given: derived, or empty."""
        if setting.name == "CACHE":
            home = Path(self._from_process("HOME") or Path.home())
            return Path(self._from_process("XDG_CACHE_HOME") or home / ".cache") / DISTRIBUTION
        if setting.name == "STATUS_SOCKET" and "project" in fields:
            # Ten characters tell a person's projects apart, and keep the path below the kernel's limit.
            project = hashlib.sha256(os.fsencode(fields["project"])).hexdigest()[:10]
            folder = Path(self._from_process("TMPDIR") or "/tmp")  # noqa: S108 - its owner alone may enter the folder below
            return str(folder / f"{DISTRIBUTION}-{os.getuid()}" / f"{project}.sock")
        return setting.value_type.empty

    def _from_process(self, name: str) -> str:
        return self._given.get(name, "") if self._origin_of(name) == "environment" else ""

    def _origin_of(self, name: str) -> str:
        return self._given_origins.get(name, "environment")

    def _is_service_link(self, name: str) -> bool:
        if name == "APPLIANCE_PORT":
            return _SERVICE_URL.match(self._given[name]) is not None
        return _SERVICE_LINK.match(name) is not None


def _where(origin: str) -> str:
    return {"flag": "on the command line", "environment": "in the environment"}.get(origin, f"in {origin}")


def _unknown(name: str, origin: str) -> SettingsError:
    nearest = difflib.get_close_matches(name, [setting.variable for setting in TABLE], n=1)
    return SettingsError(
        f"{name} ({_where(origin)}) is not a setting of the appliance",
        expected=nearest[0] if nearest else "one of the settings that appliance --help lists",
        action=f"Write {nearest[0]} instead of {name}." if nearest else f"Remove {name}.",
        setting=name,
        origin=origin,
    )


def _unreadable(setting: Setting, name: str, text: str, origin: str) -> SettingsError:
    has_default = setting.default_text or setting.default
    default = f", or leave it out: {has_default}" if has_default else ""
    example = setting.example or setting.default
    return SettingsError(
        f"{name} ({_where(origin)}) is {text!r}",
        expected=setting.value_type.allowed,
        action=f"Set it, for example {name}={example}{default}.",
        setting=name,
        origin=origin,
        value=text,
    )


def _too_late(setting: Setting, origin: str) -> SettingsError:
    return SettingsError(
        f"{setting.variable} is set in {origin}",
        expected="the process environment or a flag: it is needed before the project's files are read",
        action=f"Set {setting.variable} in the environment, or give {setting.flag}, and remove it from {origin}.",
        setting=setting.variable,
        origin=origin,
    )
