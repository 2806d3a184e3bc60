"""The settings of the appliance's own pages, the editor and the debugger."""

from __future__ import annotations

from appliance.config import value_types
from appliance.config.setting import Setting

PAGE_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "PAGES",
        value_types.SWITCH,
        "on",
        "Whether the appliance answers /__appliance__/ itself: live reload, the errors of open pages, what is running.",
        example="off",
    ),
    Setting(
        "RECORD",
        value_types.SWITCH,
        "on",
        "Whether the last requests are kept, to be looked at on the page /__appliance__/. Needs PAGES.",
        example="off",
    ),
    Setting(
        "MCP",
        value_types.choice("off", "read", "write"),
        "read",
        "What assistants may do by MCP: nothing, read, or also run remedies and send recorded requests again.",
        example="write",
    ),
    Setting(
        "MAIL",
        value_types.choice("keep", "send"),
        "keep",
        "keep: mail for an SMTP server is shown on the page /__appliance__/ and not sent, except to a server for tests "
        "on this machine or its networks; send: it is shown and sent.",
        example="send",
    ),
    Setting(
        "BROWSER_RELOAD",
        value_types.choice("auto", "on", "off"),
        "auto",
        "Whether open pages follow the code: auto for browsers on this machine, on for every host. Needs PAGES.",
        example="off",
    ),
    Setting(
        "EDITOR",
        value_types.choice("none", "vscode", "cursor", "pycharm", "zed", "vim"),
        "none",
        "The editor that a page of an error opens a file in, by a link; vim is MacVim's.",
        example="vscode",
    ),
    Setting(
        "EDITOR_FOLDER",
        value_types.TEXT,
        "",
        "The project's folder where the editor runs, if its path differs there: the host's folder of a container.",
        default_text="PROJECT; with this repository's compose file, PROJECT_DIR",
        example="/home/me/shop",
    ),
    Setting(
        "DEBUGPY",
        value_types.PORT,
        "0",
        "The port for debugpy, on the address of HOST; it stays open through reloads; 0 means no debugger.",
        default_text="no debugger",
        example="5678",
    ),
    Setting(
        "DEBUGPY_WAIT",
        value_types.SWITCH,
        "off",
        "Whether a worker with a debugger waits for a client before it imports the project.",
        example="on",
    ),
)
