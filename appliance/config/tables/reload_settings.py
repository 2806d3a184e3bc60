"""The settings of which files are watched, and what a save does."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting

RELOAD_SETTINGS: tuple[Setting, ...] = (
    Setting("RELOAD", value_types.SWITCH, "on", "Whether a save restarts the worker.", example="off"),
    Setting(
        "WATCH",
        value_types.choice("auto", "events", "poll"),
        "auto",
        "How to notice saves: by events, by polling, or auto: polling only for mounts without file events.",
        example="poll",
    ),
    Setting(
        "WATCH_EXTRA",
        value_types.LIST,
        "",
        "More to watch: patterns of files in the project, and files and folders elsewhere.",
        default_text="nothing more than code, templates, .env and dependency files",
        example="config/*.yaml,../shared",
    ),
    Setting(
        "PRELOAD",
        value_types.SWITCH,
        "on",
        "Whether reloads fork from a process that has imported the project's packages; off starts each worker cold.",
        example="off",
    ),
    Setting(
        "SWAP",
        value_types.choice("off", "auto", "on"),
        "auto",
        "Whether a save inside functions is served from a snapshot of the project, which has it imported ahead; on "
        "also logs why there is none, and makes checkpoints that save little.",
        example="off",
    ),
    Setting(
        "IGNORE",
        value_types.LIST,
        "",
        "Patterns of paths, relative to the project, that are not watched.",
        default_text="nothing more than the paths that are never watched",
        example="uploads/*,*.generated.py",
    ),
)
