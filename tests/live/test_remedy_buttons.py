"""Each remedy of a page, pressed on a real project: what it shows is what it does, and the project is served again."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.environment.python.pythons import find_python
from tests.live.live_appliance import HELLO, Appliance
from tests.live.remedy_buttons import PATH, form_of, on_page, page_of, post, press, press_on, remedy_of
from tests.live.remedy_projects import (
    AS_IT_IS,
    FLASK,
    LAZY,
    SERVICE,
    SQLITE,
    VARIABLE,
    django,
    index,
    write,
)
from tests.package_index import BACKEND, OLD_BACKEND, sdist
from tests.thorough import first

Start = Callable[..., Appliance]


def test_a_button_makes_the_folder_of_sqlite(start: Start, project: Path):
    """A folder that SQLite needs is made, and the project is imported."""
    write(project, app__py=SQLITE + HELLO.format(word="mended"))
    appliance = start()
    shown = press(appliance, "make-folder")
    assert shown["command"] == "mkdir -p -- data/inner"
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"mended"
    assert (project / "data/inner").is_dir()


def test_a_button_sets_a_missing_variable(start: Start, project: Path):
    """A missing variable gets its example's value, and nothing else of .env is shown or changed."""
    write(project, app__py=VARIABLE + HELLO.format(word="mended"), __env__example="GREETING=hello there\n")
    write(project, __env="API_TOKEN=abcdefgh12345678\r\nOTHER=unshown-value")
    appliance = start()
    shown = press(appliance, "set-variable")
    assert "+GREETING=hello there" in shown["diff"]
    assert "unshown-value" not in shown["diff"]
    assert "abcdefgh" not in str(shown)
    appliance.wait_for("worker.ready")
    assert (project / ".env").read_bytes() == (
        b"API_TOKEN=abcdefgh12345678\r\nOTHER=unshown-value\r\nGREETING=hello there\r\n"
    )


@pytest.mark.whole
def test_a_failed_requests_page_has_a_button_that_works(start: Start, project: Path):
    """The page of a request that failed has a button too: the worker names the remedy, the supervisor makes it."""
    write(project, app__py=LAZY, __env__example="GREETING=hello\n")
    appliance = start()
    appliance.wait_for("worker.ready")
    shown = press(appliance, "copy-example")
    assert "+GREETING=hello" in shown["diff"]
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"hello"


def test_the_button_on_djangos_page_applies_the_migrations(start: Start, project: Path):
    """Django's own page, where DEBUG is on, has the button: the migrations are applied, and the page comes back."""
    django(project)
    appliance = start(**AS_IT_IS)
    appliance.wait_for("worker.ready")
    shown = press_on(appliance, "django-migrate")
    assert shown["command"] == "python manage.py migrate --noinput"
    assert any("Applying auth.0001_initial" in str(event.get("text")) for event in appliance.events)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"0 users"


@pytest.mark.whole
def test_a_missing_secret_key_gets_a_hidden_random_value(start: Start, project: Path):
    """A missing SECRET_KEY gets a random value, which is shown nowhere."""
    django(project, secret="os.environ.get('SECRET_KEY', '')")
    appliance = start(**AS_IT_IS)
    shown = press(appliance, "make-secret")
    appliance.wait_for("worker.ready")
    value = (project / ".env").read_text().partition("=")[2].strip()
    assert len(value) == 64
    assert appliance.get("/plain")[1] == b"plain"
    appliance.stop()
    assert value not in f"{shown}{appliance.events}"


def test_a_button_adds_an_allowed_host(start: Start, project: Path):
    """A host that Django refuses is added to the list in its settings."""
    django(project, hosts="['shop.test']")
    appliance = start(**AS_IT_IS)
    appliance.wait_for("worker.ready")
    shown = press_on(appliance, "add-host", "/plain")
    assert "+ALLOWED_HOSTS = ['shop.test', '127.0.0.1']" in shown["diff"]
    appliance.wait_for("worker.ready")
    assert appliance.get("/plain")[1] == b"plain"


@pytest.mark.whole
def test_a_flask_command_of_the_project_makes_its_tables(start: Start, project: Path):
    """A command that the project itself defines for Flask makes its tables."""
    write(project, app__py=FLASK)
    appliance = start(**AS_IT_IS)
    appliance.wait_for("worker.ready")
    shown = press_on(appliance, "flask-command")
    assert shown["command"].endswith("flask init-db")
    assert any(event.get("text") == "The tables are there." for event in appliance.events)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"0 notes"


@pytest.mark.parametrize("declared", first([True, False]))
def test_a_button_adds_a_missing_package(start: Start, project: Path, tmp_path: Path, declared: bool):
    """A package whose name differs from its module is added to the file that counts; without one, a file is made."""
    offline = index(tmp_path)
    write(project, app__py="import PIL\n" + HELLO.format(word="mended"))
    if declared:
        write(project, requirements__txt="toaster\n")
    appliance = start(**offline)
    shown = press(appliance, "add-dependency")
    assert "+Pillow" in shown["diff"]
    appliance.wait_for("worker.ready", within_s=60)
    assert appliance.get()[1] == b"mended"
    assert (project / "requirements.txt").read_text() == ("toaster\n" if declared else "") + "Pillow\n"


@pytest.mark.whole
@pytest.mark.parametrize("damage", ["removed", "edited"])
def test_a_package_edited_by_hand_is_installed_again(start: Start, project: Path, tmp_path: Path, damage: str):
    """A package that was removed or edited by hand is installed again."""
    write(project, app__py="import toaster\n" + HELLO.format(word="mended"), requirements__txt="toaster\n")
    appliance = start(APPLIANCE_CACHE=str(tmp_path / "cache"), **index(tmp_path))
    appliance.wait_for("worker.ready", within_s=60)
    (module,) = (tmp_path / "cache").glob("uid-*/environments/*/lib/python*/site-packages/toaster.py")
    (mark,) = (tmp_path / "cache").glob("uid-*/environments/*/.whole.json")
    os.utime(mark, (1_700_000_000, 1_700_000_000))  # it was installed long ago
    module.unlink()
    if damage == "edited":
        module.write_text("raise RuntimeError('edited')\n")
    appliance.edit("app.py", "import toaster\n" + HELLO.format(word="again"))
    appliance.wait_for("worker.failed")
    press(appliance, "reinstall")
    appliance.wait_for("worker.ready", within_s=60)
    assert appliance.get()[1] == b"again"


@pytest.mark.whole
def test_a_button_pins_an_older_python(start: Start, project: Path):
    """A module that left Python without a replacement: an older Python of this machine is pinned."""
    write(project, app__py="import lib2to3\n" + HELLO.format(word="mended"), __python_version="")
    (project / ".python_version").rename(project / ".python-version")
    (project / ".python-version").write_text("3.13\n")
    appliance = start()
    shown = press(appliance, "use-python")
    assert "+3.12" in shown["diff"]
    assert appliance.wait_for("worker.ready", within_s=60)["python"].startswith("3.12.")


def test_a_button_replaces_localhost_by_a_service(start: Start, project: Path):
    """In a container, the name and port of the compose file's service take the place of localhost and its port."""
    with socket.create_server(("0.0.0.0", 0)) as server, socket.create_server(("127.0.0.1", 0)) as closed:
        own, published = server.getsockname()[1], closed.getsockname()[1]
        closed.close()
        compose = f"services:\n  {socket.gethostname()}:\n    image: x\n    ports: ['{published}:{own}']\n"
        env = f"DB_HOST=localhost\nDB_PORT={published}\n"
        write(project, app__py=SERVICE + HELLO.format(word="mended"), compose__yaml=compose, __env=env)
        appliance = start(APPLIANCE_IMAGE="slim")
        press(appliance, "use-service")
        appliance.wait_for("worker.ready")
        assert appliance.get()[1] == b"mended"
        assert (project / ".env").read_text() == f"DB_HOST={socket.gethostname()}\nDB_PORT={own}\n"


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": ""},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Dest": "iframe"},
    {"Host": "rebound.example:8000", "Origin": "http://rebound.example:8000"},
    {"X_Forwarded_For": "203.0.113.5"},
)


def test_foreign_requests_run_nothing(start: Start, project: Path):
    """A foreign origin, a rebound host, a frame, another machine: nothing is run."""
    write(project, app__py=SQLITE + HELLO.format(word="mended"))
    appliance = start()
    form = form_of(appliance, page_of(appliance)["remedies"][0]["id"])
    assert [headers for headers in FOREIGN if post(appliance, form, **headers) != 403] == []
    assert post(appliance, {**form, "page_value": "0" * 64}) == 403
    assert post(appliance, {"id": form["id"]}) == 403
    appliance.stop()
    assert not any(event["event"] == "remedy.started" for event in appliance.events)
    assert not (project / "data").exists()


def test_an_old_pages_button_runs_nothing(start: Start, project: Path):
    """After a save, the button of an older page runs nothing, and says why."""
    write(project, app__py=SQLITE + HELLO.format(word="mended"))
    appliance = start()
    form = form_of(appliance, page_of(appliance)["remedies"][0]["id"])
    appliance.edit("app.py", HELLO.format(word="two"))
    appliance.wait_for("worker.ready")
    assert post(appliance, form) == 303
    assert "changed since" in appliance.wait_for("remedy.refused")["reason"]
    assert post(appliance, {**form, "id": "0" * 32}) == 303
    assert "no such remedy" in appliance.wait_for("remedy.refused")["reason"]
    assert not (project / "data").exists()


@pytest.mark.whole
def test_a_python_that_can_build_a_package_replaces_the_pin(start: Start, project: Path, tmp_path: Path):
    """A package that only an older Python can build: the newest such Python of this machine takes the pin's place."""
    if find_python("3.10", tmp_path, os.environ) is None:
        pytest.skip("not run: this machine has no Python 3.10")
    offline = index(tmp_path)
    sdist(tmp_path / "wheels", "legacy", "1.0", {"pyproject.toml": BACKEND, "backend.py": OLD_BACKEND})
    write(project, app__py="import legacy\n" + HELLO.format(word="mended"), requirements__txt="legacy==1.0\n")
    (project / ".python-version").write_text("3.11\n")
    appliance = start(**offline)
    shown = press(appliance, "use-python")
    assert "-3.11" in shown["diff"]
    assert "+3.10" in shown["diff"]
    assert appliance.wait_for("worker.ready", within_s=60)["python"].startswith("3.10.")


ENDLESS = """
import os, subprocess, sys
from flask import Flask
app = Flask(__name__)

@app.route("/")
def index():
    import sqlite3
    return str(sqlite3.connect("notes.db").execute("SELECT * FROM note"))

@app.cli.command("init-db")
def init_db():
    print("stdin:", repr(sys.stdin.read()))
    child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(1000)"])
    with open("child.pid", "w") as file:
        file.write(str(child.pid))
    print("token " + os.environ["API_TOKEN"])
    print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07bell\\x07 \\u202eback")
    for number in range(100_000):
        print(f"line {number} " + "x" * 90)
    print("enough", flush=True)
    child.wait()
"""


@pytest.mark.whole
def test_a_command_without_an_end_is_cancelled_with_all_that_it_started(start: Start, project: Path):
    """A command gets no input; its 10 MB of output are bounded, inert and without secrets; its children end with it."""
    write(project, app__py=ENDLESS, __env="API_TOKEN=abcdefgh12345678\n")
    appliance = start(**AS_IT_IS)
    appliance.wait_for("worker.ready")
    (remedy_id,) = on_page(appliance)
    form = form_of(appliance, remedy_id)
    for _ in range(2):  # pressed twice
        assert post(appliance, form) == 303
    while appliance.wait_for("output", within_s=60).get("text") != "enough":
        pass
    told = remedy_of(appliance, remedy_id)["run"]
    assert told["state"] == "running"
    assert post(appliance, {**form, "id": "0" * 32}, f"{PATH}/cancel") == 303  # another one: it goes on
    assert post(appliance, form, f"{PATH}/cancel") == 303
    assert appliance.wait_for("remedy.failed", within_s=60)["reason"] == "it was cancelled"
    child = int((project / "child.pid").read_text())
    until_gone(child)
    run = remedy_of(appliance, remedy_id)["run"]
    assert (run["state"], run["reason"]) == ("failed", "it was cancelled")
    assert len(run["lines"]) <= 500
    assert len("".join(run["lines"])) < 200_000
    assert any("more lines are in the log" in line for line in run["lines"])
    page = appliance.get(f"{PATH}?id={remedy_id}", Accept="text/html")[1]
    shown = "".join(run["lines"]) + page.decode()
    assert not [each for each in ("abcdefgh12345678", "\x1b", "\u202e", "\x07") if each in shown]
    appliance.stop()
    text = str([event for event in appliance.events if event["event"] == "output"])
    assert "stdin: ''" in text
    assert "abcdefgh12345678" not in text
    assert len([event for event in appliance.events if event["event"] == "remedy.started"]) == 1


def until_gone(pid: int) -> None:
    """Wait until a process has ended: its descriptor becomes readable (pidfd_open(2))."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor, "rb", buffering=0) as opened:
        assert select.select([opened], [], [], 30)[0]


@pytest.mark.whole
def test_a_remedy_ends_with_the_appliance(start: Start, project: Path):
    """A stop ends the command that runs, and starts no other one."""
    write(project, app__py=ENDLESS.replace("100_000", "100"), __env="API_TOKEN=abcdefgh12345678\n")
    appliance = start(**AS_IT_IS)
    appliance.wait_for("worker.ready")
    (remedy_id,) = on_page(appliance)
    assert post(appliance, form_of(appliance, remedy_id)) == 303
    while appliance.wait_for("output", within_s=60).get("text") != "enough":
        pass
    child = int((project / "child.pid").read_text())
    appliance.stop()
    until_gone(child)
