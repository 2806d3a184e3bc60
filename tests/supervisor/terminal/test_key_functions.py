"""The effect of each key, and the rule that keys belong to the log for people."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from appliance.logs.log import make_log
from appliance.logs.render.console import Console
from appliance.supervisor.address import Address
from appliance.supervisor.loop import Loop
from appliance.supervisor.terminal.key_functions import Keys

URL = "http://localhost:8000"


class Pressed:
    """Keys, and what they did."""

    def __init__(self, loop: Loop, *, url: str | None = URL, in_container: bool = True) -> None:
        self.writes: list[bytes] = []
        self.asked: list[str] = []
        console = Console(colour=False, width=lambda: 0)
        self.log = make_log(self.writes.append, level="info", access="on", console=console)
        self.log.add_secrets({"SHOP_PASSWORD": "hunter2hunter2"})
        address = Address("0.0.0.0", 8000, url)
        self.keys = Keys(
            loop, self.log, address, in_container=in_container,
            reload=lambda by: self.asked.append(f"reload: {by}"), stop=lambda by: self.asked.append(f"stop: {by}"),
        )  # fmt: skip

    def press(self, key: str) -> str:
        """Return the text that is shown after this key."""
        self.writes.clear()
        self.keys.pressed(key)
        return b"".join(self.writes).decode()


def test_r_reloads_and_q_stops(loop: Loop):
    """R reloads, q stops; a key without a meaning does nothing."""
    pressed = Pressed(loop)
    assert [pressed.press(key) for key in "rqx"] == ["", "", ""]
    assert pressed.asked == ["reload: key r", "stop: key q"]


def test_help_names_each_key(loop: Loop):
    """The help has a line for each key that does something."""
    shown = Pressed(loop).press("?")
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["r", "o", "e", "q", "?", "Enter"]


def test_enter_leaves_a_line_empty(loop: Loop):
    """Enter separates the next lines from the last ones."""
    assert Pressed(loop).press("\n") == "\n"


def test_the_last_error_is_shown_again_with_every_frame(loop: Loop):
    """The last error is shown again, with every frame, its secrets masked; if there is none, the terminal says so."""
    pressed = Pressed(loop)
    assert pressed.press("e").strip() == "no error since the start"
    frames = "".join(f'  File "/lib/site-packages/flask/{name}.py", line 1, in f\n' for name in "abc")
    traceback = f"Traceback (most recent call last):\n{frames}ValueError: hunter2hunter2"
    pressed.log.event("error", "application.failed", error="ValueError", traceback=traceback)
    pressed.log.event("info", "reload.started", files=["app.py"], count=1)
    shown = pressed.press("e")
    assert [f"flask/{name}.py" in shown for name in "abc"] == [True] * 3
    assert "ValueError: ********" in shown


def test_the_errors_of_one_request_are_shown_again_together(loop: Loop):
    """A framework logs the traceback of a request that fails, before the event that has none: both are shown again."""
    pressed = Pressed(loop)
    exception = [{"type": "ValueError", "message": "bad", "frames": []}]
    pressed.log.event("error", "project.logged", request_id="a", message="other")
    for number in range(6):
        pressed.log.event("error", "project.logged", request_id="b", message=f"m{number}", exception=exception)
    pressed.log.event("error", "application.failed", request_id="b", error="ValueError: bad")
    shown = pressed.press("e")
    assert ("other" in shown, shown.count("Traceback"), "application.failed" in shown) == (False, 4, True)


@pytest.mark.parametrize("in_container", [True, False])
def test_the_address_is_opened_outside_a_container(loop: Loop, monkeypatch: pytest.MonkeyPatch, in_container: bool):
    """The address is shown, and outside a container also opened."""
    started: list[list[str]] = []
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(subprocess, "Popen", lambda argv, **_: started.append(argv))
    assert Pressed(loop, in_container=in_container).press("o").strip() == f"open {URL}"
    assert [argv[1] for argv in started] == ([] if in_container else [URL])


def test_the_command_is_shown_where_the_port_is_not_known(loop: Loop):
    """In a container whose published port is not known, the command that shows it is shown."""
    assert "APPLIANCE_PUBLIC_URL" in Pressed(loop, url=None).press("o")
