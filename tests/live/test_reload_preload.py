"""The preloader: reloads are forked from it, as safe as cold starts, and cold where they could not be."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

PAGE = """
import json
import os
import sys
{imports}

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({{"word": "one", "pid": os.getpid(), {told}}}).encode()]
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of installed packages, outside the project."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def begin(start: Start, project: Path, packages: Path) -> Callable[..., Appliance]:
    """Start the project with these packages, and this to say."""

    def begun(imports: str = "", told: str = "", *, wait: str = "preload.ready", **settings: str) -> Appliance:
        if imports:
            (project / "app.py").write_text(PAGE.format(imports=imports, told=told), encoding="utf-8")
        appliance = start(PYTHONPATH=str(packages), **settings)
        appliance.wait_for(wait)
        return appliance

    return begun


def reload(appliance: Appliance, word: str) -> dict[str, Any]:
    """Save the module with another word; return the answer, which must be the new code's."""
    text = (appliance.project / "app.py").read_text(encoding="utf-8")
    before = next(part for part in text.split('"') if part in {"one", "two", "three"})
    appliance.edit("app.py", text.replace(f'"{before}"', f'"{word}"'))
    while True:
        answer = told(appliance)
        if answer.get("word") == word:
            return answer
        appliance.wait_for("reload.finished")


def becomes(appliance: Appliance, fact: str, value: object) -> None:
    """Until this is what the page says of it; no reload is waited for that has been already."""
    while told(appliance).get(fact, ...) != value:
        appliance.wait_for("reload.finished")


def told(appliance: Appliance) -> dict[str, Any]:
    """The page's facts; nothing where it says that a start takes a while."""
    response, body = appliance.get()
    facts: dict[str, Any] = json.loads(body) if response.status == 200 else {}
    return facts


def started(appliance: Appliance) -> list[bool]:
    """For each worker whether it was forked."""
    appliance.catch_up()
    return [event["forked"] for event in appliance.events if event["event"] == "worker.started"]


def test_a_reload_is_forked(begin, packages: Path):
    """A reload is forked; the package's state is as at its import, and each worker has its own process and session."""
    (packages / "calm.py").write_text("made = []\n", encoding="utf-8")
    appliance = begin("import calm\ncalm.made.append(1)", '"made": calm.made, "session": os.getsid(0)')
    first = json.loads(appliance.get()[1])
    second, third = reload(appliance, "two"), reload(appliance, "three")
    assert started(appliance) == [False, True, True]
    assert second["made"] == third["made"] == [1]
    assert len({each["pid"] for each in (first, second, third)}) == 3
    assert second["session"] == second["pid"]
    status = json.loads(appliance.command("status", "--json").stdout)
    assert status["preload"]["state"] == "ready"
    assert status["preload"]["modules"] > 0
    modules = status["preload"]["modules"]
    assert re.search(rf"preloaded +{modules} modules", appliance.command("check").stdout)


@pytest.mark.whole
def test_a_package_with_an_optional_import_is_preloaded(begin, packages: Path):
    """A package that tries an import, and works if that fails, is preloaded too."""
    (packages / "other_system.py").write_text("raise ImportError('not on this system')\n", encoding="utf-8")
    tries = "try:\n    import other_system\nexcept ImportError:\n    other_system = None\n"
    (packages / "content.py").write_text(tries, encoding="utf-8")
    appliance = begin("import content", '"without": content.other_system is None')
    ready = next(event for event in appliance.events if event["event"] == "preload.ready")
    assert ready["left_out"] == 0
    assert reload(appliance, "two")["without"] is True


@pytest.mark.whole
def test_errors_of_a_package_that_needs_the_project_are_not_shown(begin, packages: Path):
    """A package that fails without the project is left out, and what Python prints of it is in no log."""
    noise = (
        "import sys\n"
        "class Loud:\n"
        "    def __del__(self):\n"
        "        raise ValueError('loud')\n"
        "if 'app' not in sys.modules:\n"
        "    Loud()\n"
        "    raise ImportError('no settings')\n"
    )
    (packages / "needy.py").write_text(noise, encoding="utf-8")
    appliance = begin("import needy", '"needy": needy.__name__')
    assert reload(appliance, "two")["needy"] == "needy"
    assert not [event for event in appliance.events if event["event"] == "output"]


def test_the_supervisor_knows_how_a_forked_worker_ended(begin, packages: Path):
    """The supervisor is a forked worker's own parent: it knows how it ended, and starts another."""
    appliance = begin("", wait="preload.ready")
    appliance.edit("app.py", (appliance.project / "app.py").read_text().replace("one", "two"))
    ready = appliance.wait_for("worker.ready")
    os.kill(ready["pid"], signal.SIGSEGV)
    assert appliance.wait_for("worker.exited", level="error")["how"] == "killed by SIGSEGV"
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two"


@pytest.mark.whole
def test_the_first_worker_of_a_second_start_is_forked(begin, start: Start, packages: Path):
    """The learned list is kept: the next start's first worker is forked already."""
    (packages / "kept.py").write_text("", encoding="utf-8")
    begin("import kept").stop()
    appliance = start(PYTHONPATH=str(packages))
    appliance.wait_for("worker.ready")
    assert started(appliance) == [True]
    assert json.loads(appliance.get()[1])["word"] == "one"


def test_without_preload_every_start_is_cold(begin, packages: Path):
    """PRELOAD=off starts every worker cold, and says so in the status."""
    appliance = begin("import json", wait="worker.ready", APPLIANCE_PRELOAD="off")
    reload(appliance, "two")
    assert started(appliance) == [False, False]
    assert json.loads(appliance.command("status", "--json").stdout)["preload"]["state"] == "off"


# It takes longer than all that its process has done before. So at its end the time spent has doubled, and a copy is
# due, however slow the machine is.
LENGTHY = """
import os, threading, time
with open("/proc/self/stat", "rb") as status:
    began = int(status.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
threading.Event().wait(0.1 + time.clock_gettime(time.CLOCK_BOOTTIME) - began)
"""


@pytest.mark.whole
def test_the_next_round_repeats_little(begin, packages: Path, tmp_path: Path):
    """Modules imported before an unsafe one are not imported again by the round that leaves it out."""
    log = tmp_path / "imports"
    line = f"with open({str(log)!r}, 'a') as log:\n    log.write(__name__ + '\\n')\n"
    (packages / "lengthy.py").write_text(LENGTHY + line, encoding="utf-8")
    thread = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    (packages / "unsafe.py").write_text(f"{line}{thread}", encoding="utf-8")
    (packages / "last.py").write_text(line, encoding="utf-8")
    appliance = begin("import lengthy, unsafe, last", '"last": last.__name__')
    imported = log.read_text(encoding="utf-8").split()
    assert [imported.count(name) for name in ("lengthy", "unsafe", "last")] == [2, 2, 3]  # the worker's is one of them
    assert reload(appliance, "two")["last"] == "last"
    assert started(appliance) == [False, True]


def test_a_preloader_that_dies_is_replaced(begin, packages: Path):
    """Without its preloader the appliance goes on, and makes another one."""
    appliance = begin("import json")
    pid = next(each for each in reversed(appliance.events) if each["event"] == "preload.ready")["pid"]
    os.kill(pid, signal.SIGKILL)
    appliance.wait_for("preload.ended")
    reload(appliance, "two")
    if [each["event"] for each in appliance.events].count("preload.ready") < 2:  # else it came before the reload's end
        appliance.wait_for("preload.ready")
    assert reload(appliance, "three")["word"] == "three"


@pytest.mark.whole
def test_a_changed_variable_reaches_preloaded_packages(begin, project: Path, packages: Path):
    """A variable that is changed, or taken away, in .env is so for a package that reads it at import."""
    (packages / "reader.py").write_text("import os\nvalue = os.environ.get('COLOUR')\n", encoding="utf-8")
    (project / ".env").write_text("COLOUR=red\n", encoding="utf-8")
    appliance = begin("import reader", '"colour": reader.value')
    assert reload(appliance, "two")["colour"] == "red"
    appliance.edit(".env", "COLOUR=blue\n")
    becomes(appliance, "colour", "blue")
    assert reload(appliance, "three")["colour"] == "blue"
    appliance.edit(".env", "")
    becomes(appliance, "colour", None)


def test_new_file_hides_a_package(begin, project: Path, packages: Path):
    """A file that is added beside the application wins over a preloaded package of its name, as it would cold."""
    (packages / "helper.py").write_text("whose = 'package'\n", encoding="utf-8")
    appliance = begin("import helper", '"whose": helper.whose')
    assert reload(appliance, "two")["whose"] == "package"
    appliance.edit("helper.py", "whose = 'project'\n")
    becomes(appliance, "whose", "project")
    assert reload(appliance, "three")["whose"] == "project"


@pytest.mark.whole
def test_a_package_installed_by_hand_is_imported_at_the_next_save(begin, packages: Path):
    """A package that is replaced in the environment by hand is the new one at the next save."""
    (packages / "tool.py").write_text("version = 1\n", encoding="utf-8")
    appliance = begin("import tool", '"version": tool.version')
    assert reload(appliance, "two")["version"] == 1
    replacement = packages / "tool.new"
    replacement.write_text("version = 2\n", encoding="utf-8")
    replacement.replace(packages / "tool.py")
    assert reload(appliance, "three")["version"] == 2
