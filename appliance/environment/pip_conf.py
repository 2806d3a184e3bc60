"""Read pip's configuration files, because uv does not."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.identity.regular_file import read_text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SYSTEM = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))


def pip_configuration(values: Mapping[str, str], system: Sequence[Path] = _SYSTEM) -> dict[str, str]:
    """Return the files' settings as pip's variables, such as PIP_INDEX_URL, except those that ``values`` contains."""
    named = values.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return {}
    home = Path(values.get("HOME") or "/")
    configuration = Path(values.get("XDG_CONFIG_HOME") or home / ".config")
    # pip's order: a later file takes precedence.
    files = [*system, home / ".pip" / "pip.conf", configuration / "pip" / "pip.conf"]
    found: dict[str, str] = {}
    for file in [*files, *([Path(named)] if named else [])]:
        found |= _read(file)
    return {name: value for name, value in found.items() if not values.get(name)}


def _read(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_text_of(file, "utf-8-sig"))
    except (OSError, configparser.Error):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for key, value in parser.items(section):
                # In the file each of several values has a line of its own; in the variable, spaces separate them.
                found["PIP_" + key.upper().replace("-", "_")] = " ".join(value.split())
    return found
