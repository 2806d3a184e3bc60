"""Three lines once the project is served: where, what, and where help is."""

from __future__ import annotations

from appliance.logs.render.console import Console

OPENING = {"timestamp": "2026-01-02T03:04:05.678901Z", "level": "info", "role": "supervisor"}
STARTED = {"event": "appliance.started", "url": "http://localhost:8001", "project": "/workspace"}
FOUND = {"event": "project.found", "application": "shop:app", "framework": "Flask"}
READY = {"event": "worker.ready", "url": "http://localhost:8001", "application": "flask.app.Flask", "python": "3.13.5"}


def shown(*events, help_text="appliance status"):
    """The lines of these events below their first ones."""
    console = Console(colour=False, root="/workspace", width=lambda: 0, help_text=help_text)
    return [console(None, "info", {**OPENING, **event}).decode().splitlines()[1:] for event in events]


def test_the_first_worker_has_a_banner():
    """The first worker that serves has three lines below it, and no other event has one."""
    again = {**READY, "pid": 2}
    assert shown(STARTED, FOUND, READY, again) == [
        [],
        [],
        [
            f"{' ' * 19}open      http://localhost:8001",
            f"{' ' * 19}serves    shop:app (Flask) of /workspace, Python 3.13.5",
            f"{' ' * 19}help      appliance status",
        ],
        [],
    ]


def test_without_a_url_it_says_how_to_find_it():
    """If the published port is not known, the banner has the words of the first event."""
    started = {"event": "appliance.started", "project": "/workspace", "action": "`docker port x 8000` shows it."}
    ready = {name: value for name, value in READY.items() if name != "url"}
    assert shown(started, FOUND, ready)[2][0].endswith("open      `docker port x 8000` shows it.")


def test_a_log_without_a_help_text_has_no_banner():
    """A log without a text for help, such as a library's, has no banner."""
    assert shown(STARTED, READY, help_text="") == [[], []]
