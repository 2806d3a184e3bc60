"""The settings and the variables of the project's files as rows of texts: name, value, origin.

``appliance config`` and the desk's page show them. Secret variables are masked here, by their names; the caller masks
secret values in all texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance.config.setting import PREFIX
from appliance.config.table import TABLE
from appliance.masking import MASKED, SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.config.env import Environment
    from appliance.config.settings import Settings


class Row(NamedTuple):
    """One setting or variable.

    Attributes:
        name: of the environment variable.
        value: as text; "" if it is empty.
        origin: "default", "flag", "environment", or the name of a file.
        help: what it does, in one line; "" for a variable of the project.
    """

    name: str
    value: str
    origin: str
    help: str = ""


def setting_rows(settings: Settings) -> Iterator[Row]:
    """Yield each setting, in the order of the table."""
    for setting in TABLE:
        value = getattr(settings, setting.field)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        yield Row(setting.variable, text, settings.origins[setting.field], setting.help)


def variable_rows(environment: Environment) -> Iterator[Row]:
    """Yield each variable that comes from a file of the project or from a mounted secret, by name."""
    for name, origin in sorted(environment.origins.items()):
        if origin != "environment" and not name.startswith(PREFIX):
            secret = SECRET.search(name) or name in environment.secret_files
            yield Row(name, MASKED if secret else environment.values[name], origin)
