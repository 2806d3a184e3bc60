"""Each remedy, pressed in Chromium on a real project: the page comes back as the project."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import HELLO, Appliance
from tests.live.remedy_projects import AS_IT_IS, FLASK, LAZY, SERVICE, SQLITE, VARIABLE, django, index, write
from tests.thorough import one_in

Start = Callable[..., Appliance]
Settings = dict[str, str]
FIXED = HELLO.format(word="mended")


def folder(project: Path, _: Path) -> Settings:
    """SQLite's folder is missing."""
    write(project, app__py=SQLITE + FIXED)
    return {}


def variable(project: Path, _: Path) -> Settings:
    """A variable is missing that the example has."""
    write(project, app__py=VARIABLE + FIXED, __env__example="GREETING=hello\n", __env="A=1\n")
    return {}


def variables(project: Path, _: Path) -> Settings:
    """.env is missing beside its example, and a request finds that out."""
    write(project, app__py=LAZY, __env__example="GREETING=mended\n")
    return {}


def secret(project: Path, _: Path) -> Settings:
    """Django's SECRET_KEY is missing."""
    django(project, secret="os.environ['SECRET_KEY']")
    return AS_IT_IS


def migrations(project: Path, _: Path) -> Settings:
    """Django's migrations are not applied; its own page of errors shows that."""
    django(project)
    return AS_IT_IS


def host(project: Path, _: Path) -> Settings:
    """Django refuses the host."""
    django(project, hosts="['shop.test']")
    return AS_IT_IS


def command(project: Path, _: Path) -> Settings:
    """Tables are missing that the project's own command makes."""
    write(project, app__py=FLASK)
    return AS_IT_IS


def module(project: Path, aside: Path) -> Settings:
    """A module is missing whose package has another name."""
    write(project, app__py="import PIL\n" + FIXED, requirements__txt="toaster\n")
    return index(aside)


def version(project: Path, aside: Path) -> Settings:
    """A version is required that does not exist."""
    write(project, app__py="import toaster\n" + FIXED, requirements__txt="toaster==99.0  # why\n")
    return index(aside)


def misspelt(project: Path, aside: Path) -> Settings:
    """A package is required whose name is misspelt."""
    write(project, app__py="import toaster\n" + FIXED, requirements__txt="toatser\n")
    (aside / "index").mkdir()
    return {**index(aside), "UV_OFFLINE": "", "UV_DEFAULT_INDEX": (aside / "index").as_uri()}


def applications(project: Path, _: Path) -> Settings:
    """Two applications are found, and none of them comes first."""
    (project / "app.py").unlink()
    for name in ("one", "two"):
        text = f"from flask import Flask\napp = Flask(__name__)\napp.add_url_rule('/', view_func=lambda: '{name}')\n"
        (project / f"{name}.py").write_text(text, encoding="utf-8")
    return AS_IT_IS


def python(project: Path, _: Path) -> Settings:
    """A module left Python without a replacement."""
    write(project, app__py="import lib2to3\n" + FIXED)
    (project / ".python-version").write_text("3.13\n")
    return {}


CASES: dict[str, tuple[Callable[[Path, Path], Settings], str, str, str]] = {
    "a folder": (folder, "/", "Make the folder data/inner", "mended"),
    "a variable": (variable, "/", "Set GREETING", "mended"),
    "a file of variables": (variables, "/", "Make .env from .env.example", "mended"),
    "a secret key": (secret, "/plain", "Make a SECRET_KEY", "plain"),
    "migrations": (migrations, "/", "Apply the migrations", "0 users"),
    "a host": (host, "/plain", "Allow the host 127.0.0.1", "plain"),
    "a command of the project": (command, "/", "Run flask init-db", "0 notes"),
    "a module": (module, "/", "Add Pillow to the dependencies", "mended"),
    "a version": (version, "/", "Use toaster 1.0", "mended"),
    "a misspelt name": (misspelt, "/", "Use toaster instead of toatser", "mended"),
    "an application": (applications, "/", "Serve two.py:app", "two"),
    "another Python": (python, "/", "Run the project on Python 3.12", "mended"),
}


def wait_for_text(page: Any, text: str) -> None:
    """Wait until the page's whole text is this one, also while it loads, when it has no body yet."""
    page.wait_for_function("text => document.body?.innerText.trim() === text", arg=text, timeout=60_000)


def press(page: Any, appliance: Appliance, path: str, label: str, text: str) -> None:
    """Open the page, press the button, and wait until the page is the project's."""
    page.goto(f"http://127.0.0.1:{appliance.port}{path}")
    page.get_by_role("button", name=label, exact=True).click(timeout=60_000)
    wait_for_text(page, text)
    assert page.inner_text("body").strip() == text


@pytest.mark.whole
@pytest.mark.parametrize("case", one_in(3, CASES))
def test_each_button_helps(start: Start, new_page: Callable[..., Any], project: Path, tmp_path: Path, case: str):
    """The button shows on the page, runs what it shows, and the page comes back by itself, as the project."""
    prepare, path, label, text = CASES[case]
    appliance = start(**prepare(project, tmp_path))
    press(new_page(800, "light"), appliance, path, label, text)
    appliance.wait_for("remedy.finished")


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """A port of a service, and one where nothing listens."""
    with ExitStack() as opened:
        real = opened.enter_context(socket.create_server(("0.0.0.0", 0)))
        closed = socket.create_server(("127.0.0.1", 0))
        ports = real.getsockname()[1], closed.getsockname()[1]
        closed.close()
        yield ports


def test_a_compose_service_replaces_localhost(
    start: Start, new_page: Callable[..., Any], project: Path, server: tuple[int, int]
):
    """The compose file's service takes the place of localhost."""
    own, published = server
    compose = f"services:\n  {socket.gethostname()}:\n    image: x\n    ports: ['{published}:{own}']\n"
    write(project, app__py=SERVICE + FIXED, compose__yaml=compose, __env=f"DB_HOST=localhost\nDB_PORT={published}\n")
    appliance = start(APPLIANCE_IMAGE="slim")
    press(new_page(800, "light"), appliance, "/", "Use the service's name as the host", "mended")
    assert appliance.wait_for("remedy.finished")


@pytest.mark.whole
@pytest.mark.parametrize("damage", one_in(2, ["removed", "edited"]))
def test_the_button_for_a_stale_environment_installs_the_package_again(
    start: Start, new_page: Callable[..., Any], project: Path, tmp_path: Path, damage: str
):
    """A package that was removed or edited by hand is installed again."""
    write(project, app__py="import toaster\n" + HELLO.format(word="one"), requirements__txt="toaster\n")
    appliance = start(APPLIANCE_CACHE=str(tmp_path / "cache"), **index(tmp_path))
    appliance.wait_for("worker.ready", within_s=60)
    (module,) = (tmp_path / "cache").glob("uid-*/environments/*/lib/python*/site-packages/toaster.py")
    (mark,) = (tmp_path / "cache").glob("uid-*/environments/*/.whole.json")
    os.utime(mark, (1_700_000_000, 1_700_000_000))
    module.unlink()  # the installer's cache holds the same file
    if damage == "edited":
        module.write_text("raise RuntimeError('edited')\n", encoding="utf-8")
    appliance.edit("app.py", "import toaster\n" + FIXED)
    appliance.wait_for("worker.failed")
    press(new_page(800, "light"), appliance, "/", "Install the dependencies again", "mended")


def test_a_button_without_script_links_to_a_form(start: Start, new_page: Callable[..., Any], project: Path):
    """Without script, a button is a link to a page with a form, which shows the output and the way back."""
    write(project, app__py=SQLITE + FIXED)
    appliance = start()
    appliance.wait_for("worker.failed")
    page = new_page(800, "light", java_script_enabled=False)
    page.goto(f"http://127.0.0.1:{appliance.port}/")
    page.get_by_role("link", name="Make the folder data/inner").click(timeout=30_000)
    page.get_by_role("button", name="Make the folder data/inner").click(timeout=30_000)
    page.get_by_text("Done. The project is served again.").wait_for(timeout=30_000)
    appliance.wait_for("worker.ready")
    page.get_by_role("link", name="Back to the project").click()
    assert page.inner_text("body") == "mended"


def test_a_service_that_does_not_answer_has_its_command_and_a_button(
    start: Start, new_page: Callable[..., Any], project: Path
):
    """The page shows the command that starts the service; once it answers, its other button imports the project."""
    listening = socket.create_server(("0.0.0.0", 0))
    port = listening.getsockname()[1]
    listening.close()
    host = socket.gethostname()
    compose = f"services:\n  {host}:\n    image: x\n    expose: [{port}]\n"
    write(project, app__py=SERVICE + FIXED, compose__yaml=compose, __env=f"DB_HOST={host}\nDB_PORT={port}\n")
    appliance = start()
    page = new_page(800, "light")
    page.goto(f"http://127.0.0.1:{appliance.port}/")
    page.get_by_text(f"docker compose up -d {host}", exact=True).wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Start the service").count() == 0
    with socket.create_server(("0.0.0.0", port)):
        press(page, appliance, "/", "Try again", "mended")


def test_commands_that_failed_run_again(start: Start, new_page: Callable[..., Any], project: Path, tmp_path: Path):
    """The page of a failed BEFORE_START shows its commands, and runs them again."""
    ready = tmp_path / "ready"
    write(project, app__py=FIXED)
    appliance = start(APPLIANCE_BEFORE_START=f"cat {ready}")
    page = new_page(800, "light")
    page.goto(f"http://127.0.0.1:{appliance.port}/")
    page.get_by_role("region", name="The command: Try again").get_by_text(f"cat {ready}").wait_for(timeout=60_000)
    ready.write_text("")
    press(page, appliance, "/", "Try again", "mended")


@pytest.mark.whole
def test_a_file_saved_after_it_was_shown_gets_a_new_diff(start: Start, new_page: Callable[..., Any], project: Path):
    """A change that is no longer what was shown is not made: the page shows what it would be now, and makes that."""
    write(project, app__py=VARIABLE + FIXED, __env__example="GREETING=hello\n", __env="A=1\n")
    appliance = start(APPLIANCE_RELOAD="off")
    page, other = new_page(800, "light"), new_page(800, "light")
    for each in (page, other):
        each.goto(f"http://127.0.0.1:{appliance.port}/")
        each.get_by_role("button", name="Set GREETING", exact=True).wait_for(timeout=60_000)
    (project / ".env").write_text("A=1\nNEWER=2\n")
    page.get_by_role("button", name="Set GREETING", exact=True).click()
    page.get_by_text("has changed since this was shown").first.wait_for(timeout=30_000)
    page.get_by_role("region", name="The change: Set GREETING").get_by_text("NEWER=").wait_for(timeout=30_000)
    assert (project / ".env").read_text() == "A=1\nNEWER=2\n"
    other.get_by_role("button", name="Set GREETING", exact=True).click()  # it still shows the first diff
    other.get_by_text("This is what it would do now").wait_for(timeout=30_000)
    assert (project / ".env").read_text() == "A=1\nNEWER=2\n"
    page.get_by_role("button", name="Set GREETING", exact=True).dblclick()
    wait_for_text(page, "mended")
    assert (project / ".env").read_text() == "A=1\nNEWER=2\nGREETING=hello\n"
    appliance.wait_for("remedy.finished")
    appliance.stop()
    assert len([each for each in appliance.events if each["event"] == "remedy.finished"]) == 1
