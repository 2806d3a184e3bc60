"""The settings of where the appliance keeps files and sockets of its own."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting

PLACE_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "CACHE",
        value_types.FOLDER,
        "",
        "The folder for environments and caches.",
        in_image="/cache",
        default_text="wsgi-appliance in $XDG_CACHE_HOME or ~/.cache",
        example="/var/cache/appliance",
        early=True,
    ),
    Setting(
        "STATUS_SOCKET",
        value_types.PATH,
        "",
        "The socket file on which the supervisor answers status requests.",
        in_image="/tmp/appliance/status.sock",  # noqa: S108  the image's own, in its own /tmp
        default_text="one for each project, in the temporary folder",
        example="/run/appliance.sock",
        early=True,
    ),
)
