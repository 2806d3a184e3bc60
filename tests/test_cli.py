"""The command line, as people meet it: words, exit codes, and nothing on stdout that does not belong there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import __version__, cli
from appliance.cli import parser
from appliance.commands import explain
from appliance.config.table import TABLE
from appliance.masking import Mask
from tests.live.launcher import command
from tools import commands

APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


# Characters that a terminal would obey: names and values are the project's, and may hold anything.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")


def appliance(*argv: str, cache: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **more}
    if cache is not None:
        environment["APPLIANCE_CACHE"] = str(cache)
    return command(argv, environment)


def test_help_names_every_setting():
    """The help of serve has a flag for each setting; that of the command has its exit codes."""
    text = appliance("serve", "--help").stdout
    assert all(setting.flag in text for setting in TABLE)
    assert "exit codes" in appliance("--help").stdout


@pytest.mark.parametrize(
    ("command", "most"), [("init", 2), ("status", 2), ("doctor", 3), ("config", 2), ("run", 4), ("check", 8)]
)
def test_help_shows_what_the_command_is_about(command: str, most: int):
    """Only serve lists every setting; each other command lists its own, and takes the others nevertheless."""
    text = appliance(command, "--help").stdout
    assert "appliance serve --help" in text
    assert sum(setting.flag in text.split("settings:")[1] for setting in TABLE) <= most + 1  # the pointer names none
    parser().parse_args([command, *(["x"] if command == "run" else []), "--threads", "3"])


def test_check_prints_one_json_object_for_programs(project: Path, tmp_path: Path):
    """Check --json prints one object, with what each rule found."""
    done = appliance("check", "--json", "--project", str(project), cache=tmp_path / "cache")
    found = json.loads(done.stdout)
    assert found["application"] == "app:app"
    assert found["findings"][-1]["outcome"] == "chosen"


def test_check_counts_what_is_left_out(capsys: pytest.CaptureFixture[str]):
    """Modules that are not preloaded are counted; --verbose lists them, with the reason."""
    left = {"shop.jobs": "it starts a thread", "numpy": "it was changed"}
    for verbose in (False, True):
        facts = {"project": "/w", "preloaded": "12 modules", "left out": left, "findings": []}
        explain.text_report(explain.line_writer(Mask({})), verbose=verbose)(facts)
        shown = capsys.readouterr().out
        assert "12 modules; 2 modules left out" in shown
        assert ("it starts a thread" in shown) is verbose


@pytest.mark.parametrize("option", ["--slower-ms", "--slower_ms"])
def test_an_option_keeps_its_old_name(option: str):
    """``requests`` takes the option's name of before too, and its help shows the new one alone."""
    assert parser().parse_args(["requests", option, "200"]).slower_ms == "200"
    assert parser().parse_args(["requests"]).slower_ms == ""
    assert "--slower_ms" not in commands.page()


def test_version_is_the_packages():
    """The version is the package's."""
    assert appliance("--version").stdout == f"appliance {__version__}\n"


@pytest.mark.parametrize("argv", [["fly"], ["check", "--prot", "1"], ["check", "--port", "http"], ["run"]])
def test_a_malformed_command_line_ends_with_2_and_three_parts(argv: list[str]):
    """A command line that can't be meant ends with 2 and three parts on stderr, and no traceback."""
    done = appliance(*argv)
    assert done.returncode == 2
    assert all(word in done.stderr for word in ("appliance:", "expected:", "do this:"))
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("check ../shop", "Write: appliance check --project ../shop"),
        ("check main", "Write: appliance check --project main"),
        ("main", "Write: appliance --project main"),
        ("main.py", "Write: appliance --app main.py"),
        ("shop.web:create_app()", "Write: appliance --app 'shop.web:create_app()'"),
        ("serve 8001", "Write: appliance serve --port 8001"),
        ("serve 0.0.0.0:8001", "Write: appliance serve --host 0.0.0.0 --port 8001"),
        ("deploy", "For example: appliance deploy --for kubernetes"),
        ("deploy swarm", "Write: appliance deploy --for swarm"),
        ("stauts", "Write: appliance status"),
        ("help", "Write: appliance --help"),
        ("manage.py migrate", "write: appliance run python manage.py migrate"),
        ("gunicorn --reload main:app", "write: appliance run gunicorn --reload main:app"),
        ("check --projct=main", "Write --project instead of --projct."),
        ("status --josn", "Write --json instead of --josn."),
        ("run --wach python", "Write --watch instead of --wach."),
        ("requests 17 18", "Remove it, or see appliance requests --help."),
    ],
)
def test_a_wrong_command_line_says_what_to_write_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, instead: str
):
    """The advice for a folder, a file, an address or a misspelt word is the command that was meant."""
    (tmp_path / "main").mkdir()
    (tmp_path / "main.py").write_text(APP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.main(words.split(), {}) == 2
    assert instead in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("serve --port", "--port and its value, a whole number from 0 to 65535"),
        ("requests --status", "--status STATUS: only this status"),
        ("deploy --for docker", "--for ENGINE: swarm, kubernetes, compose"),
        ("requests last", "NUMBER: show all of this request"),
    ],
)
def test_a_wrong_value_says_which_is_expected(capsys: pytest.CaptureFixture[str], words: str, expected: str):
    """An argument that lacks its value, or has one of the wrong kind, says what it takes."""
    assert cli.main(words.split(), {}) == 2
    assert expected in "".join(capsys.readouterr())


def test_bad_serve_is_an_event():
    """A bad flag of serve is an event too: its stdout is only JSON lines."""
    done = appliance("serve", "--prot", "1")
    assert done.returncode == 2
    assert json.loads(done.stdout)["event"] == "settings.invalid"


@pytest.mark.parametrize("words", ["config", "config --log-fields=" + ",".join(f"f{n}={'x' * 90}" for n in range(200))])
def test_output_that_is_not_written_is_an_error(project: Path, words: str):
    """A command whose output has no room, at its end or before, says so and ends with 1."""
    with Path("/dev/full").open("wb") as full:
        argv = [sys.executable, "-I", "-m", "appliance", *words.split(), f"--project={project}"]
        done = subprocess.run(argv, env={"HOME": "/nonexistent"}, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"the output can't be written: No space left on device" in done.stderr


@pytest.mark.parametrize("words", ["config", "status"])
def test_a_working_folder_that_is_gone_is_named(tmp_path: Path, words: str):
    """A command that is started in a folder that was removed since says so."""
    script = f"cd {tmp_path} && mkdir gone && cd gone && rmdir ../gone && exec {sys.executable} -I -m appliance {words}"
    done = subprocess.run(["/bin/sh", "-c", script], env={"HOME": "/nonexistent"}, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"the working folder can't be used" in done.stderr


def test_a_wrong_flag_names_the_help_of_its_command():
    """The advice for a wrong flag is a command that works."""
    assert "See appliance check --help." in appliance("check", "--project").stderr


def test_a_field_with_the_name_of_ours_is_refused(project: Path):
    """A field of every line can't have the name of one that events have."""
    done = appliance("serve", "--project", str(project), "--port", "0", "--log-fields", "env=dev,level=x")
    assert done.returncode == 2
    assert "level" in json.loads(done.stdout)["found"]


def test_check_names_the_rule_and_the_packages(project: Path, tmp_path: Path):
    """Check says which rule chose what, and what would be installed; it ends with 6 where there is no application."""
    done = appliance("check", "--project", str(project), cache=tmp_path / "cache")
    assert done.returncode == 0
    assert "app:app" in done.stdout
    assert "chosen" in done.stdout
    assert re.search(r"dependencies +none\n", done.stdout)
    (project / "app.py").write_text("x = 1\n", encoding="utf-8")
    done = appliance("check", "--project", str(project), cache=tmp_path / "cache")
    assert done.returncode == 6
    assert re.search(r"passed over +Usual file names +app\.py", done.stdout)
    assert "Searched 1 Python file: app.py" in done.stderr
    assert "No WSGI application" in done.stderr


def test_config_tells_origins_and_keeps_secrets(project: Path, tmp_path: Path):
    """Config shows each setting with its origin, and masks what is secret in the project's files."""
    (project / ".env").write_text("APPLIANCE_THREADS=3\nSECRET_KEY=hush-hush\nCOLOUR=red\n", encoding="utf-8")
    done = appliance("config", "--project", str(project), cache=tmp_path / "cache", APPLIANCE_GRACE_S="2")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "3  (.env)" in rows["APPLIANCE_THREADS"]
    assert "2.0  (environment)" in rows["APPLIANCE_GRACE_S"]
    assert "(flag)" in rows["APPLIANCE_PROJECT"]
    assert "red" in rows["COLOUR"]
    assert "hush" not in done.stdout


def test_run_is_the_command(project: Path, tmp_path: Path):
    """Run becomes the command: its words, its exit code, the project's folder and environment, nothing of ours."""
    program = "import os, sys; print(os.getcwd(), sys.prefix); sys.exit(9)"
    done = appliance("run", "--project", str(project), "python", "-c", program, cache=tmp_path / "cache")
    assert done.returncode == 9
    folder, prefix = done.stdout.split()
    assert folder == str(project)
    assert prefix.startswith(str(tmp_path / "cache"))
    again = appliance("run", "--project", str(project), "python", "-c", "import structlog", cache=tmp_path / "cache")
    assert "ModuleNotFoundError" in again.stderr


def test_run_ends_with_127_for_a_missing_program(project: Path, tmp_path: Path):
    """A program that is not there is 127, as a shell has it."""
    done = appliance("run", "--project", str(project), "no-such-program", cache=tmp_path / "cache")
    assert done.returncode == 127
    assert "no-such-program" in done.stderr


def test_status_ends_with_7_where_nothing_runs(project: Path, tmp_path: Path):
    """Status ends with 7 where no appliance runs."""
    done = appliance("status", "--project", str(project), "--status-socket", str(tmp_path / "none.sock"))
    assert done.returncode == 7
    assert "no appliance answers" in done.stderr


@pytest.mark.parametrize("command", ["check", "config", "doctor", "status"])
def test_what_a_command_says_is_safe_on_a_terminal(tmp_path: Path, command: str):
    """Control characters of a folder's name, a file's name or a variable are shown, and not sent."""
    folder = tmp_path / "shop\x1b]0;x\x07\u202e"
    folder.mkdir()
    (folder / "till\x1b[31m.py").write_text("x = 1\n", encoding="utf-8")
    (folder / ".env").write_text("COLOUR='\x1b[31m'\n", encoding="utf-8")
    socket = str(tmp_path / "s\x1b[31m")
    done = appliance(command, "--project", str(folder), "--status-socket", socket, cache=tmp_path / "cache")
    assert RAW.findall(done.stdout + done.stderr) == []
    assert "\\x1b" in done.stdout + done.stderr
