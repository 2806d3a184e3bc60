"""The events of the appliance's own pages, of the pages that a browser shows, and of their templates."""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.event_type import CHILD, Event

PAGE_EVENTS = MappingProxyType(
    {
        "pages.started": Event(
            "info",
            "The appliance answers /__appliance__/. From another host or machine, open this URL once: it contains the "
            "token of this start. If the published port is unknown, the URL is only a path.",
            ("url",),
        ),
        "pages.refused": Event(
            "warning",
            "A request for a page of the appliance was refused; once a second at most.",
            ("reason", "action", "client.address"),
            CHILD,
        ),
        "pages.failed": Event(
            "warning",
            "The pages of the appliance can't be shown.",
            ("reason", "action"),
            action=(
                "Load the page again. If it happens again, raise the limit of descriptors or processes that the "
                "reason names."
            ),
        ),
        "desk.failed": Event(
            "info, warning",
            "Requests are not recorded: the database can't be written, or the recorder has ended; requests are served "
            "and logged as before. At level info: the cache is mounted read-only.",
            ("path", "reason", "action"),
            frozenset({"supervisor", "worker"}),
            action=(
                "Free room in the cache's folder, or give it to the appliance's user; APPLIANCE_RECORD=off records "
                "nothing."
            ),
        ),
        "desk.replaced": Event(
            "info",
            "The database of recorded requests could not be read; a new one was begun.",
            ("path", "reason"),
            CHILD,
        ),
        "desk.incomplete": Event(
            "info",
            "So many lines of the log came that some were not recorded; they were logged.",
            ("count",),
            frozenset({"supervisor", "worker"}),
        ),
        "replay.changed": Event(
            "info",
            "A pinned request has another response, or runs another number of queries, than before the last save. "
            "`/__appliance__/pins` shows the whole difference.",
            ("pin", "http.request.method", "url.path", "of_generation", "count", "differences"),
            CHILD,
        ),
        "templates.reread": Event(
            "info",
            "Templates have changed that the worker reads again anyway: it goes on, and open pages load again.",
            ("files", "count", "duration_s"),
        ),
        "templates.cached": Event(
            "debug",
            "Templates have changed that the worker may keep in memory, for this reason: a new generation starts.",
            ("files", "count", "reason"),
        ),
        "remedy.asked": Event(
            "info", "An assistant has asked to run a remedy, as APPLIANCE_MCP=write allows.", ("remedy",)
        ),
        "remedy.started": Event(
            "info",
            "A person or an assistant has asked for a remedy: this command is run, or this file changed.",
            ("remedy", "command", "file"),
        ),
        "remedy.finished": Event(
            "info", "The remedy has succeeded; the project is served again.", ("remedy", "duration_s")
        ),
        "remedy.failed": Event(
            "warning",
            "The remedy has failed, or was ended.",
            ("remedy", "reason", "duration_s", "action"),
            action="Read the output on the page, correct what the reason names, and press the button again.",
        ),
        "remedy.refused": Event(
            "warning",
            "A remedy was asked for that can't be run now.",
            ("reason", "action"),
            action="Load the page again: it shows the remedies that can be run now.",
        ),
        "browser.error": Event(
            "error",
            "A page in a browser had an error: an uncaught exception, a rejected promise, or console.error.",
            ("type", "message", "place", "page", "count", "action"),
            CHILD,
            action="Correct the script at this place; the browser's developer tools show its stack.",
        ),
    }
)
