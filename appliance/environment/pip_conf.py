"""pip's configuration files, for an installer that reads none of them.

Owns where pip looks and how it reads. Must not know uv. Runs in ``appliance install``.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SYSTEM = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))


def pip_configuration(values: Mapping[str, str], system: Sequence[Path] = _SYSTEM) -> dict[str, str]:
    """What the files say, as the variables that say the same: PIP_INDEX_URL and its kin. Those in ``values`` win."""
    named = values.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return {}
    home = Path(values.get("HOME") or "/")
    configuration = Path(values.get("XDG_CONFIG_HOME") or home / ".config")
    # pip's order: a later file wins.
    files = [*system, home / ".pip" / "pip.conf", configuration / "pip" / "pip.conf"]
    found: dict[str, str] = {}
    for file in [*files, *([Path(named)] if named else [])]:
        found |= _read(file)
    return {name: value for name, value in found.items() if not values.get(name)}


def _read(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8-sig", "replace"))
    except (OSError, configparser.Error):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            for key, value in parser.items(section):
                # Several values stand on lines of their own in the file, and are parted by spaces in the variable.
                found["PIP_" + key.upper().replace("-", "_")] = " ".join(value.split())
    return found
