"""One setting: its name, type, default and texts.

This module knows no setting by name. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from appliance.config.value_types import ValueType

PREFIX = "APPLIANCE_"


class Setting(Record):
    """One setting.

    Attributes:
        name: as in APPLIANCE_NAME, --name and the field of Settings.
        value_type: how its text is parsed, and which texts are allowed.
        default: the text that counts if none is given.
        help: what it does, in one line.
        in_image: the default in the image, if it differs.
        default_text: a description of the default, if its text says too little.
        example: a realistic value.
        early: needed before a file of the project is read; so only the process environment and the flags can set it.
        read_again: read by each analysis of the project, because a person edits it until the project is served; the
            others are read once, at the start.
    """

    name: str
    value_type: ValueType
    default: str
    help: str
    in_image: str = ""
    default_text: str = ""
    example: str = ""
    early: bool = False
    read_again: bool = False

    @property
    def variable(self) -> str:
        """The setting's environment variable."""
        return PREFIX + self.name

    @property
    def field(self) -> str:
        """The setting's attribute of Settings, and its key in the flags."""
        return self.name.lower()

    @property
    def flag(self) -> str:
        """The setting's flag on the command line."""
        return "--" + self.name.lower().replace("_", "-")
