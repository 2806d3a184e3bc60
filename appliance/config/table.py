"""The table of settings: every setting, in the order of the documentation.

The ``Settings`` object, ``.env.example``, ``--help``, ``docs/settings.md`` and the errors are made from it. It does not
know where values come from. Add a row to the module of its group in ``config/tables`` when the code that uses it
exists, not before. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.config.tables.application_settings import APPLICATION_SETTINGS
from appliance.config.tables.log_settings import LOG_SETTINGS
from appliance.config.tables.page_settings import PAGE_SETTINGS
from appliance.config.tables.place_settings import PLACE_SETTINGS
from appliance.config.tables.reload_settings import RELOAD_SETTINGS
from appliance.config.tables.server_settings import SERVER_SETTINGS

if TYPE_CHECKING:
    from appliance.config.setting import Setting

TABLE: tuple[Setting, ...] = (
    *APPLICATION_SETTINGS,
    *RELOAD_SETTINGS,
    *LOG_SETTINGS,
    *SERVER_SETTINGS,
    *PAGE_SETTINGS,
    *PLACE_SETTINGS,
)
