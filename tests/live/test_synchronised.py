"""A folder that a tool fills while the appliance serves it, file by file: no error that half of the files explain."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance, Event, Start

pytestmark = pytest.mark.whole

MODULES = 40
PAUSE_S = 0.03  # longer than the wait for one of many files, as long as nobody knows that they are so slow


def package(word: str) -> dict[str, str]:
    """An application of many modules, each of which the last needs."""
    modules = {f"big/m{number:02}.py": f"WORD = {word!r}\n" for number in range(MODULES)}
    imports = "".join(f"from big import m{number:02}\n" for number in range(MODULES))
    check = f"assert {{{', '.join(f'm{number:02}.WORD' for number in range(MODULES))}}} == {{{word!r}}}\n"
    return {"big/__init__.py": "", "app.py": imports + check + HELLO.format(word=word), **modules}


def errors(appliance: Appliance) -> list[Event]:
    """The errors of its log that are not answers: a client may have got the page of the one that is expected."""
    return [each for each in appliance.events if each["level"] == "error" and each["event"] != "request.finished"]


def bring(folder: Path, files: dict[str, str], pause_s: float = PAUSE_S) -> None:
    """Write one file after the other, as a tool on a slow network does; what needs the others comes first."""
    pause = threading.Event()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pause.wait(pause_s)


@contextlib.contextmanager
def filling(folder: Path) -> Iterator[None]:
    """Files that nobody needs keep coming."""
    over = threading.Event()

    def fill() -> None:
        for number in itertools.count():
            bring(folder, {f"more/n{number}.py": ""}, 0.0)
            if over.wait(0.02):
                return

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_slow_synchronisation_shows_no_error(start: Start, project: Path):
    """An application of many modules comes slowly: the log has no failure, and then the whole is served."""
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    bring(project, dict(sorted(package("two").items(), reverse=True)))
    while appliance.get()[1] != b"two":
        appliance.wait_for("reload.finished")
    assert errors(appliance) == []
    count = sum(each["event"] == "reload.started" for each in appliance.events)
    assert count < MODULES / 2, "a few until the pattern is known, then one"


def test_an_empty_folder_is_served_when_files_arrive(start: Start, project: Path):
    """A start in an empty folder says so, and needs no restart; half of the files cause no error."""
    (project / "app.py").unlink()
    appliance = start()
    failed = appliance.wait_for("application.missing")
    assert "The folder is empty" in failed["found"]
    assert "when files arrive" in failed["action"]
    assert appliance.settled()[0].status == 500
    files = package("one")
    bring(project, {"requirements.txt": "", **files})
    while appliance.get()[1] != b"one":
        appliance.wait_for("worker.ready")
    assert [each["event"] for each in errors(appliance)] == ["application.missing"]


def test_a_start_in_a_folder_that_fills_waits_for_the_rest(start: Start, project: Path):
    """A start while a folder is being filled waits for the rest, with the page of the progress and no error."""
    files = package("one")
    late = {name: files.pop(name) for name in ["big/m07.py", "app.py"]}
    (project / "app.py").unlink()
    bring(project, files, 0.0)
    with filling(project):
        appliance = start()
        appliance.wait_for("failure.held", step="analysis")
        bring(project, late, 0.0)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    assert errors(appliance) == []


def test_a_failure_is_shown_in_the_end(start: Start, project: Path):
    """A project that is still broken when no more files come is an error, as usual."""
    appliance = start()
    appliance.wait_for("worker.ready")
    bring(project, {**package("two"), "big/m39.py": "raise LookupError('half')\n"}, 0.0)
    assert "half" in appliance.wait_for("worker.failed")["traceback"]
    assert appliance.settled()[0].status == 500
