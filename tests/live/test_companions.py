"""The project's other processes, as real ones: started, told apart in the log, shown by the status, and ended."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance, Event
from tests.thorough import THOROUGH, first

Start = Callable[..., Appliance]

# It says which process it is, and goes on until the end of its input or a signal.
LASTS = "echo started $$; exec cat"
# A process of a session of its own, as a daemon is, started by one that is not waited for.
LEAVES = """
import os, subprocess, sys
started = subprocess.Popen(["sh", "-c", "setsid sleep 3600 & echo $!"], stdout=subprocess.PIPE, text=True)
print("left", started.stdout.readline().strip(), os.getpid(), flush=True)
sys.stdin.read()
"""
# A program that writes at each save, as Tailwind does, and a file of its number, as some programs do.
WRITES = """
import os, pathlib, time
pathlib.Path("writes.pid").write_text(str(os.getpid()))
for number in range(1, 1_000_000):
    pathlib.Path("static/app.css.tmp").write_text(f"body {{ margin: {number}px }}")
    os.replace("static/app.css.tmp", "static/app.css")
    print("wrote", number, flush=True)
    time.sleep(0.1)
"""
PICKY = """
import signal, sys
def end(number, frame):
    print("finishes its work", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("works", flush=True)
signal.pause()
"""


def declare(project: Path, *lines: str) -> None:
    """Write the project's Procfile.dev."""
    (project / "Procfile.dev").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def find(appliance: Appliance, name: str, beginning: str = "", **fields: object) -> Event:
    """The first event of this name with these fields, and with a text that begins so: one that has come, or will."""
    seen = 0
    while True:
        for event in appliance.events[seen:]:
            fits = event["event"] == name and str(event.get("text", "")).startswith(beginning)
            if fits and all(event.get(key) == value for key, value in fields.items()):
                return event
        seen = len(appliance.events)
        appliance.next_event(name)


def output_of(appliance: Appliance, companion: str, beginning: str = "") -> str:
    """The first line of a companion's output that begins so."""
    return str(find(appliance, "output", beginning, role="companion", companion=companion)["text"])


def companions_of(appliance: Appliance) -> dict[str, dict[str, Any]]:
    """Return the status of each companion."""
    answer = json.loads(appliance.command("status", "--json").stdout)
    return {each["name"]: each for each in answer["companions"]}


def below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for folder in Path(f"/proc/{pid}/task").glob("*"):
        for child in map(int, (folder / "children").read_text().split()):
            found += [child, *below(child)]
    return found


def watched(pids: Iterable[int]) -> list[int]:
    """A descriptor for each process, which can be read once it has ended."""
    return [os.pidfd_open(pid) for pid in pids]


def all_end(descriptors: Iterable[int]) -> None:
    """Each of these processes ends."""
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], 10)[0], "it lives on"
        os.close(descriptor)


def test_companions_run_in_the_projects_environment_beside_the_worker(start: Start, project: Path):
    """Each is started in the project's environment, its output has its name, and the status shows how it does."""
    (project / ".env").write_text("WORD=secret-of-the-env\nAPI_TOKEN=abcdefghijkl\n", encoding="utf-8")
    declare(
        project, "web: python manage.py runserver", f"lasts: {LASTS}",
        "says: echo $WORD abcdefghijkl; echo \x1b[31mred >&2",
        "python: python -c 'import sys; print(sys.prefix)'",
    )  # fmt: skip
    appliance = start()
    left_out = find(appliance, "companion.skipped")
    assert (left_out["companion"], left_out["command"]) == ("web", "python manage.py runserver")
    assert "Procfile.dev" in left_out["action"]
    for name in ("says", "python"):
        find(appliance, "companion.ended", companion=name)
    output_of(appliance, "lasts", "started")
    appliance.stop()
    said = {
        (event["companion"], event["stream"], event["text"])
        for event in appliance.events
        if event["event"] == "output" and event["role"] == "companion" and event["companion"] in {"says", "python"}
    }
    prefix = next(text for name, _, text in said if name == "python")
    assert "environments" in prefix
    assert said >= {("says", "stdout", "secret-of-the-env ********"), ("says", "stderr", "\\x1b[31mred")}
    assert find(appliance, "companion.ended", companion="says")["how"] == "exit status 0"


def test_the_status_shows_each_companions_state(start: Start, project: Path):
    """The status has each companion's state, process, restarts and last end, as text and as JSON."""
    declare(project, f"lasts: {LASTS}", "once: true", "fails: exit 3")
    appliance = start(APPLIANCE_INSTALL="off")
    pid = int(output_of(appliance, "lasts", "started").split()[1])
    find(appliance, "companion.crashing", companion="fails")
    find(appliance, "companion.ended", companion="once")
    found = companions_of(appliance)
    assert (found["lasts"]["state"], found["lasts"]["pid"], found["lasts"]["restarts"]) == ("running", pid, 0)
    assert (found["once"]["state"], found["once"]["last_exit"]) == ("finished", "exit status 0")
    assert found["fails"]["last_exit"] == "exit status 3"
    assert found["fails"]["restarts"] >= 4
    text = appliance.command("status").stdout
    assert "companion    lasts: running for " in text
    assert f", pid {pid}" in text
    assert "last exit status 3" in text


def test_a_stop_lets_them_finish(start: Start, project: Path):
    """A stop asks each to end, waits for it, and leaves no process, however it was started and whatever it started."""
    (project / "picky.py").write_text(PICKY, encoding="utf-8")
    (project / "leaves.py").write_text(LEAVES, encoding="utf-8")
    declare(
        project, "picky: python picky.py", "leaves: python leaves.py", "piped: cat | cat", "deaf: trap '' TERM; cat"
    )
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="1")
    _, left, parent = output_of(appliance, "leaves", "left").split()
    output_of(appliance, "picky", "works")
    descriptors = watched([*map(int, (left, parent)), *(each["pid"] for each in companions_of(appliance).values())])
    assert appliance.stop() == 0
    all_end(descriptors)
    assert any(event.get("text") == "finishes its work" for event in appliance.events)


def test_a_killed_supervisor_leaves_none(start: Start, project: Path):
    """A supervisor that is killed takes each companion with it, and also what has left its group and its parent."""
    (project / "leaves.py").write_text(LEAVES, encoding="utf-8")
    declare(project, "leaves: python leaves.py", f"lasts: {LASTS}", "deaf: trap '' TERM HUP; sleep 3600 & wait")
    appliance = start(APPLIANCE_INSTALL="off")
    _, left, parent = output_of(appliance, "leaves", "left").split()
    pids = [each["pid"] for each in companions_of(appliance).values()]
    descriptors = watched([*pids, int(left), int(parent)])
    appliance.process.kill()
    all_end(descriptors)


def test_an_edit_changes_what_it_names_alone(start: Start, project: Path):
    """New companions start, removed ones stop, changed ones start again, and the others are left alone."""
    declare(project, f"same: {LASTS}", f"changed: {LASTS}", f"removed: {LASTS}")
    appliance = start(APPLIANCE_INSTALL="off")
    find(appliance, "worker.ready")
    for name in ("same", "changed", "removed"):
        output_of(appliance, name, "started")
    before = companions_of(appliance)
    appliance.edit("Procfile.dev", f"same: {LASTS}\nchanged: echo other; exec cat\nnew: {LASTS}\n")
    output_of(appliance, "new", "started")
    output_of(appliance, "changed", "other")
    find(appliance, "companion.ended", companion="removed")
    find(appliance, "reload.finished")
    after = companions_of(appliance)
    assert after.keys() - {"removed"} == {"same", "changed", "new"}
    assert after["same"] == {**before["same"], "since_s": after["same"]["since_s"]}
    assert after["changed"]["pid"] != before["changed"]["pid"]
    assert "echo other" in after["changed"]["command"]


def test_companions_can_be_switched_off(start: Start, project: Path):
    """COMPANIONS=off runs none of them, and a list runs those that it names."""
    declare(project, "a: echo of a", "b: echo of b")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_COMPANIONS="b")
    assert output_of(appliance, "b") == "of b"
    appliance.stop()
    other = start(APPLIANCE_INSTALL="off", APPLIANCE_COMPANIONS="off")
    other.wait_for("worker.ready")
    other.stop()
    assert not [event for event in (*appliance.events, *other.events) if event.get("companion") == "a"]


@pytest.mark.parametrize("preload", first(["on", "off"]))
def test_companions_that_follow_the_code_start_again_at_a_save(start: Start, project: Path, preload: str):
    """A save starts those again that ask for it, once it serves, and no others; a broken save ends none of them."""
    (project / "said.py").write_text("word = 'one'\n", encoding="utf-8")
    declare(project, "follows: python -c 'import said; print(said.word)'; exec cat", f"stays: {LASTS}")
    app = (project / "app.py").read_text() + "\nimport said\n"
    (project / "app.py").write_text(app, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PRELOAD=preload, APPLIANCE_COMPANIONS_RELOAD="follows")
    output_of(appliance, "follows", "one")
    find(appliance, "worker.ready")
    before = companions_of(appliance)
    appliance.edit("said.py", "word = \n")
    find(appliance, "worker.failed")
    assert {name: each["pid"] for name, each in companions_of(appliance).items()} == {
        name: each["pid"] for name, each in before.items()
    }
    appliance.edit("said.py", "word = 'two'\n")
    assert output_of(appliance, "follows", "two")
    after = companions_of(appliance)
    assert (after["stays"]["pid"], after["stays"]["restarts"]) == (before["stays"]["pid"], 0)
    assert (after["follows"]["restarts"], after["follows"]["state"]) == (1, "running")


@pytest.mark.whole
def test_reloads_leave_one_of_each(start: Start, project: Path):
    """After many saves in a row one process of each companion runs, and none of the former ones is left."""
    saves = 100 if THOROUGH else 5
    declare(
        project, "follows: echo started $$; exec cat", "slow: trap 'sleep 0.2; exit 0' TERM; cat", f"stays: {LASTS}"
    )
    code = f"import other\n{(project / 'app.py').read_text()}"
    (project / "app.py").write_text(code, encoding="utf-8")
    (project / "other.py").touch()
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_COMPANIONS_RELOAD="follows,slow")
    output_of(appliance, "stays", "started")
    find(appliance, "worker.ready")
    for number in range(saves):  # of two files: one that changes at each start is taken for a loop, and waits
        appliance.edit(*(("app.py", f"{code}\n# {number}\n") if number % 2 else ("other.py", f"# {number}\n")))
        appliance.wait_for("reload.finished")
    while (found := companions_of(appliance))["slow"]["state"] != "running" or found["follows"]["state"] != "running":
        appliance.wait_for("companion.started")
    pids = {name: each["pid"] for name, each in found.items()}
    alive = [
        pid for pid in below(appliance.process.pid) if Path(f"/proc/{pid}/comm").read_text().strip() in {"cat", "sh"}
    ]
    assert set(pids.values()) < set(alive)
    assert len(alive) == 4, "each of the three, and what the shell of one runs"
    assert found["stays"]["restarts"] == 0
    assert 1 <= found["follows"]["restarts"] <= saves
    assert appliance.stop() == 0


def test_a_writer_of_styles_reloads_nothing(start: Start, project: Path):
    """A companion that writes a style again and again refreshes the open pages, and starts no worker again."""
    (project / "static").mkdir()
    (project / "writes.py").write_text(WRITES, encoding="utf-8")
    declare(project, "css: python writes.py")
    appliance = start(APPLIANCE_INSTALL="off")
    find(appliance, "worker.ready")
    page = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    page.request("GET", "/__appliance__/events")
    stream = page.getresponse()
    while stream.readline() != b"event: assets\n":
        continue
    assert json.loads(stream.readline().removeprefix(b"data: "))["paths"] == ["static/app.css"]
    page.close()
    output_of(appliance, "css", "wrote 20")
    appliance.catch_up()
    assert not [event for event in appliance.events if str(event["event"]).startswith("reload")]
    assert companions_of(appliance)["css"]["restarts"] == 0


@pytest.mark.waits
def test_a_writer_of_code_is_slowed_down(start: Start, project: Path):
    """A companion that follows the code, and writes other code at each start, causes ever fewer reloads."""
    declare(project, 'writes: echo "x = $(date +%N)" > made.py; exec cat')
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_COMPANIONS_RELOAD="writes")
    appliance.wait_for("worker.ready")
    for _ in range(5):  # on a machine that stands still for seconds, the delay may be over before the save is seen
        appliance.edit("app.py", (appliance.project / "app.py").read_text() + "\n")
        held = appliance.wait_for("reload.held")
        assert held["file"] == "made.py"
        assert "APPLIANCE_IGNORE=made.py" in held["action"]
        appliance.edit("app.py", (appliance.project / "app.py").read_text() + "\n")
        if "app.py" in appliance.wait_for("reload.started")["files"]:
            return
    pytest.fail("a person's save has to wait")
