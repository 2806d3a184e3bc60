"""Files that the application writes by itself are not a save; files that anybody else writes are."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.supervisor.saves.file_notes import MOMENT_S
from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

APP = """
import os, pathlib, shutil, threading
count = 0
folder = os.path.dirname(os.path.abspath(__file__))

{importing}

def answer(environ, path, word):
{answering}

def app(environ, start_response):
    global count
    count += 1
    answer(environ, os.path.join(folder, environ["PATH_INFO"].strip("/")), str(count))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{word} {{count}}".encode()]
"""
# The actions of a request on the file that its path names, by the query.
WAYS = """
    way = environ["QUERY_STRING"]
    if way == "descriptor":
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(number, word.encode())
        os.close(number)
    elif way in {"renamed", "moved"}:
        open(path + ".tmp", "w").write(word)
        {"renamed": os.replace, "moved": shutil.move}[way](path + ".tmp", path)
    elif way == "relative":
        os.chdir(os.path.dirname(path))
        open(os.path.basename(path), "a").write(word)
    elif way == "pathlib":
        pathlib.Path(path).write_text(word)
    elif way == "removed":
        os.path.exists(path) and os.unlink(path)
        open(path, "w").write(word)
    elif way == "slowly":
        with open(path, "w") as file:
            file.write(word)
            threading.Event().wait(1.1)
    elif way == "fork":
        if not (pid := os.fork()):
            open(path, "w").write(word)
            os._exit(0)
        os.waitpid(pid, 0)
    elif way == "plainly":
        open(path, "w").write(word)
"""
NAMES = ("plainly", "descriptor", "renamed", "moved", "relative", "pathlib", "removed", "fork", "slowly")


def written(appliance: Appliance, name: str) -> list[str]:
    """The files that were said to be no saves."""
    appliance.catch_up()
    return [event["file"] for event in appliance.events if event["event"] == name]


def reloads(appliance: Appliance) -> list[list[str]]:
    """Return the files that have caused reloads."""
    appliance.catch_up()
    return [event["files"] for event in appliance.events if event["event"] == "reload.started"]


def settle(appliance: Appliance) -> None:
    """Until a save of somebody else's has been served: whatever came before it was told before it."""
    text = (appliance.project / "app.py").read_text(encoding="utf-8")
    appliance.edit("app.py", text.replace('f"', 'f"saved '))
    while not appliance.get()[1].startswith(b"saved"):
        appliance.wait_for("reload.finished")


def test_files_that_a_view_writes_restart_nothing(start: Start, project: Path):
    """A page, a module or a configuration that a request writes restarts nothing and loses nothing, however it does."""
    (project / "templates").mkdir()
    (project / "app.py").write_text(APP.format(importing="", answering=WAYS, word="one"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    paths = ("templates/report.html", "written.py", "written.ini")
    asked = [(path, way) for way in NAMES for path in (*paths, *paths[:1]) if way != "slowly" or path == paths[0]]
    for number, (path, way) in enumerate(asked, 1):
        assert appliance.get(f"/{path}?{way}")[1] == f"one {number}".encode()
    text = APP.format(importing="", answering="    return None", word="saved")
    (project / "app.py").write_text(text, encoding="utf-8")
    while not appliance.get()[1].startswith(b"saved"):
        appliance.wait_for("reload.finished")
    assert reloads(appliance) == [["app.py"]]
    said = [event for event in appliance.events if event["event"] == "reload.spared"]
    assert sorted(event["file"] for event in said) == sorted(paths)
    assert all(f"APPLIANCE_IGNORE={event['file']}" in event["action"] for event in said)


FOLDERS = """
    way = environ["QUERY_STRING"]
    if way == "made":
        os.mkdir(path)
        open(path + "/page.py", "w").write(word)
    elif way == "renamed":
        os.rename(path, path + "_of_old")
    elif way == "removed":
        shutil.rmtree(path + "_of_old")
"""


def test_folders_that_a_view_makes_restart_nothing(start: Start, project: Path):
    """A folder of modules that requests make, rename and remove restarts nothing."""
    (project / "app.py").write_text(APP.format(importing="", answering=FOLDERS, word="one"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for number, (way, file) in enumerate((("made", "made/page.py"), ("renamed", "made_of_old/page.py")), 1):
        assert appliance.get(f"/made?{way}")[1] == f"one {number}".encode()
        appliance.wait_for("reload.spared", file=file)
    assert appliance.get("/made?removed")[1] == b"one 3"
    settle(appliance)
    assert reloads(appliance) == [["app.py"]]


def test_files_that_a_view_writes_restart_nothing_where_files_are_polled(start: Start, project: Path):
    """Files that a request writes are not a save if files are polled, either."""
    (project / "templates").mkdir()
    (project / "app.py").write_text(APP.format(importing="", answering=WAYS, word="one"), encoding="utf-8")
    appliance = start(APPLIANCE_WATCH="poll")
    appliance.wait_for("worker.ready")
    for number in range(1, 4):
        assert appliance.get("/templates/report.html?plainly")[1] == f"one {number}".encode()
        if number == 1:
            spared = appliance.wait_for("reload.spared")
            assert spared["file"] == "templates/report.html"
    settle(appliance)
    assert reloads(appliance) == [["app.py"]]


@pytest.mark.parametrize("name", ["generated.py", "generated.ini", "templates/generated.html"])
def test_a_write_at_import_starts_nothing_twice(start: Start, project: Path, name: str):
    """A project that writes a file at each import, another one each time, is started once for each save."""
    (project / "templates").mkdir()
    writes = f"import time\nopen(os.path.join(folder, {name!r}), 'w').write(f'# {{time.time_ns()}}')"
    text = APP.format(importing=writes, answering="    return None", word="{word}")
    (project / "app.py").write_text(text.replace("{word}", "one"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for word in ("two", "three"):
        appliance.edit("app.py", text.replace("{word}", word))
        while not appliance.get()[1].startswith(word.encode()):
            appliance.wait_for("reload.finished")
    assert reloads(appliance) == [["app.py"], ["app.py"]]
    assert written(appliance, "reload.spared") == [name]


def test_the_reported_remedy_leaves_the_file_out(start: Start, project: Path):
    """The line for APPLIANCE_IGNORE that the event has leaves the file out, though the worker has loaded it."""
    (project / "generated.py").write_text("WORD = 'one'\n", encoding="utf-8")
    importing = "import generated"
    text = APP.format(importing=importing, answering="    return None", word="{generated.WORD}")
    (project / "app.py").write_text(text, encoding="utf-8")
    appliance = start(APPLIANCE_IGNORE="generated.py")
    appliance.wait_for("worker.ready")
    appliance.catch_up()
    (project / "generated.py").write_text("WORD = 'two'\n", encoding="utf-8")
    settle(appliance)
    assert reloads(appliance) == [["app.py"]]


@pytest.mark.whole
def test_writes_of_another_command_are_saves(start: Start, project: Path):
    """Each write of a command that is run beside is a save, also of a file that the application writes itself.

    A second file of the application's shows that the watcher has seen its writes: two that it sees as one are one.
    """
    (project / "app.py").write_text(
        APP.format(
            importing="import written\nvalue = written.VALUE",
            answering="    [open(each, 'w').write('VALUE = 0') for each in environ['QUERY_STRING'].split('+') if each]",
            word="{value}",
        ),
        encoding="utf-8",
    )
    (project / "written.py").write_text("VALUE = 0\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for number in range(1, 6):
        appliance.get(f"/?written.py+mark{number}.ini")
        appliance.wait_for("reload.spared", file=f"mark{number}.ini")
        threading.Event().wait(2 * MOMENT_S)  # until then a change counts as the application's own
        command = f"open('written.py', 'w').write('VALUE = {number}')"
        assert appliance.command("run", "python", "-c", command).returncode == 0
        while not appliance.get()[1].startswith(str(number).encode()):
            appliance.wait_for("reload.finished")
    assert reloads(appliance) == [["written.py"]] * 5


PROGRAM = "import sys, time; open(sys.argv[1], 'w').write(f'# {time.time_ns()}')"


@pytest.mark.whole
def test_a_program_that_writes_a_watched_file_restarts_nothing_forever(start: Start, project: Path):
    """A program that the application starts, and that writes a watched file, does not restart it forever."""
    importing = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {PROGRAM!r}, os.path.join(folder, 'generated.py')], check=True)"
    )
    text = APP.format(importing=importing, answering="    return None", word="one")
    (project / "app.py").write_text(text, encoding="utf-8")
    appliance = start()
    held = appliance.wait_for("reload.held")
    assert held["level"] == "warning"
    assert (held["file"], held["after_s"]) == ("generated.py", 3.0)
    assert held["action"].endswith("APPLIANCE_IGNORE=generated.py")
    assert written(appliance, "reload.repeated") == ["generated.py"]
    assert appliance.get()[0].status == 200
    again = appliance.wait_for("reload.held")
    assert again["after_s"] == 6.0
    appliance.edit("app.py", text.replace('"one', '"two'))
    while not appliance.get()[1].startswith(b"two"):
        appliance.wait_for("reload.finished")


def test_reloads_in_a_row_by_one_file_are_reported_once(start: Start, project: Path):
    """Five reloads by one file alone within ten seconds are reported once, and delay nothing."""
    appliance = start()
    appliance.wait_for("worker.ready")
    for number in range(8):
        appliance.edit("app.py", (project / "app.py").read_text(encoding="utf-8") + f"# {number}\n")
        appliance.wait_for("reload.finished")
    assert written(appliance, "reload.repeated") == ["app.py"]
    assert written(appliance, "reload.held") == []


FLASK = """
import flask
app = flask.Flask(__name__, template_folder="pages")
app.jinja_env.auto_reload = False

@app.route("/")
def show():
    return flask.render_template("page.html")
"""
AT_IMPORT = """
import os
page = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "views", "page.tpl")).read()

def app(environ, start_response):
    start_response("200 OK", [])
    return [page.encode()]
"""
LATER = """
import functools, os

@functools.cache
def page():
    return open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "views", "page.html")).read()

def app(environ, start_response):
    start_response("200 OK", [])
    return [page().encode()]
"""
PAGES = {
    "flask": (FLASK, "pages/page.html"),
    "import": (AT_IMPORT, "views/page.tpl"),
    "later": (LATER, "views/page.html"),
}


@pytest.mark.parametrize("kind", PAGES)
def test_templates_are_where_they_are_looked_for(start: Start, project: Path, kind: str):
    """A template of any folder is served as saved, ignored by git or not; a page that nobody reads is not a save."""
    text, name = PAGES[kind]
    (project / name).parent.mkdir()
    (project / ".gitignore").write_text(f"{Path(name).parent}/\n", encoding="utf-8")
    (project / name).write_text("one", encoding="utf-8")
    (project / "app.py").write_text(text, encoding="utf-8")
    settings: dict[str, Any] = {"APPLIANCE_PYTHON": sys.executable, "APPLIANCE_INSTALL": "off"}
    appliance = start(**settings)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    (project / "htmlcov").mkdir()
    (project / "htmlcov" / "index.html").write_text("a report", encoding="utf-8")
    (project / name).write_text("two", encoding="utf-8")
    while appliance.get()[1] != b"two":
        appliance.wait_for("reload.finished")
    assert reloads(appliance) == [[name]]
