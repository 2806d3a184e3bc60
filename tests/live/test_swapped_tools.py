"""The lines that tools see, for a project with swapped functions or from a checkpoint: the new ones."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.dap_client import DapClient
from tests.live.held_request import HeldRequest, debugger_alone
from tests.live.live_appliance import Start
from tests.live.snapshot_project import SnapshotProject
from tests.live.swapped_project import python
from tests.releases import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots")

APP = """
import json, first, shop

def app(environ, start_response):
    told = getattr(shop, environ["PATH_INFO"].strip("/"), shop.word)()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [told.encode() if isinstance(told, str) else json.dumps(told).encode()]
"""
# The functions have more lines from save to save: what fails, or stops, is in another line each time.
SHOP = """
import traceback, inspect
{top}
def word():
{above}
    said = "{word}"
    return said

def fails():
{above}
    raise RuntimeError("{word}")

def told():
    try:
        fails()
    except RuntimeError:
        shown = traceback.format_exc().splitlines()
    lines, begins = inspect.getsourcelines(word)
    return {{"shown": shown[-3:], "source": "".join(lines), "begins": begins, "code": fails.__code__.co_firstlineno}}
"""
WAYS = ["swapped", "checkpoint"]


def shop(word: str, lines: int, *, top: str = "") -> str:
    """The module, with so many more lines in its functions."""
    above = "\n".join(f"    line = {each}" for each in range(lines))
    return SHOP.format(word=word, above=above, top=top)


def line_of(source: str, text: str) -> int:
    """The number of the first line that has this text."""
    return next(number for number, line in enumerate(source.splitlines(), 1) if text in line)


class Shop(SnapshotProject):
    """The project, and each of the two ways to serve a save without an import of everything."""

    def __init__(self, start: Start, folder: Path, way: str, python: str, **settings: str) -> None:
        self._way = way
        self._top = ""
        self._app = settings.pop("app", APP)
        files = {"app.py": self._app, "first.py": "", "shop.py": shop("one", 0)}
        super().__init__(start, folder, files, python, **settings)
        self.file = folder / "shop.py"
        self.has_snapshot()
        if way == "checkpoint":
            self._top = "import os"
            assert self.save("shop.py", shop("zero", 0, top=self._top))["how"] == "forked"
            self.has_checkpoint("shop.py")

    def saved(self, word: str, lines: int) -> str:
        """Save the module, and see that it was served in this way; its source."""
        self._top += ", os" if self._top else ""
        source = shop(word, lines, top=self._top)
        assert self.save("shop.py", source)["how"] == self._way
        return source


@pytest.mark.parametrize("way", WAYS)
def test_tracebacks_and_sources_have_the_new_lines(start: Start, project: Path, way: str):
    """A traceback and inspect show the lines that were saved, after each of several saves that move them."""
    served = Shop(start, project, way, python())
    for word, lines in (("two", 3), ("three", 7), ("four", 1)):
        source = served.saved(word, lines)
        told = json.loads(served.text("/told"))
        at = line_of(source, "raise RuntimeError")
        place = f'  File "{served.file}", line {at}, in fails'
        assert told["shown"] == [place, f'    raise RuntimeError("{word}")', f"RuntimeError: {word}"]
        assert f'said = "{word}"' in told["source"]
        assert told["source"].count("line = ") == lines
        assert (told["begins"], told["code"]) == (line_of(source, "def word"), line_of(source, "def fails"))
    assert served.worst() == []


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Editor:
    """A debugger's client that attaches again and again, with a breakpoint in the module."""

    def __init__(self, port: int, file: Path) -> None:
        self._port = port
        self._file = file
        self._client: DapClient | None = None

    def attach(self, line: int) -> DapClient:
        """Attach with the breakpoint in this line."""
        self._client = DapClient(self._port)
        folder = str(self._file.parent)
        self._client.attach(self._port, {str(self._file): [line]}, local=folder, remote=folder)
        return self._client

    def reloaded(self) -> None:
        """Wait until the debugger sends its clients away, as it does at a reload."""
        assert self._client is not None
        assert self._client.wait_for("terminated") == {"restart": True}
        self._client.leave()

    def close(self) -> None:
        """Leave."""
        if self._client is not None:
            self._client.close()


@pytest.fixture
def editor(port: int, project: Path) -> Iterator[Editor]:
    """The client; the appliance gets the same port."""
    editor = Editor(port, project / "shop.py")
    yield editor
    editor.close()


@pytest.mark.whole
@pytest.mark.parametrize("way", WAYS)
def test_a_breakpoint_stops_at_the_new_line(
    start: Start, project: Path, tmp_path: Path, port: int, editor: Editor, way: str
):
    """A debugger's breakpoint in a saved file stops where the line is now; a function that is debugged is swapped."""
    settings = {"APPLIANCE_DEBUGPY": str(port), "PYTHONPATH": str(debugger_alone(tmp_path))}
    served = Shop(start, project, way, python(), **settings)
    attached = False
    for word, lines in (("two", 3), ("three", 7)):
        source = served.saved(word, lines)
        if attached:
            editor.reloaded()
        served.appliance.wait_for("debugger.listening")
        line, attached = line_of(source, "return said"), True
        client = editor.attach(line)
        request = HeldRequest(served.appliance)
        where, stopped, thread = client.where_it_stopped()
        assert (where, stopped) == (str(served.file), line)
        frame = client.ask("stackTrace", threadId=thread, startFrame=0, levels=1)["stackFrames"][0]["id"]
        assert client.ask("evaluate", expression="said", frameId=frame)["result"] == repr(word)
        client.ask("continue", threadId=thread)
        assert request.answered() == (200, word.encode())


COVERED = """
import json, coverage, first

MEASURED = coverage.Coverage(data_file=None, include=["*/shop.py"])
MEASURED.start()
import shop

def app(environ, start_response):
    if environ["PATH_INFO"] == "/lines":
        MEASURED.stop()
        _, lines, _, missing, _ = MEASURED.analysis2(shop.__file__)
        told = json.dumps({"lines": lines, "missing": missing})
    else:
        told = shop.word()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [told.encode()]
"""


@pytest.mark.whole
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
def test_coverage_sees_the_new_lines(start: Start, project: Path, core: str):
    """The lines that coverage.py measures after each save are those of the current file."""
    covered = str(environment("3.13", "coverage==7.15.2", project="import coverage\n"))
    files = {"app.py": COVERED, "first.py": "", "shop.py": shop("one", 0)}
    served = SnapshotProject(start, project, files, covered, COVERAGE_CORE=core)
    for word, lines in (("two", 3), ("three", 7), ("four", 1)):
        source = shop(word, lines)
        served.save("shop.py", source)
        assert served.text() == word
        told = json.loads(served.text("/lines"))
        assert set(told["lines"]) - set(told["missing"]) >= {line_of(source, "said ="), line_of(source, "return said")}
        functions = source.splitlines()
        ran = [functions[line - 1].strip() for line in told["lines"] if line not in told["missing"]]
        wanted = ["import traceback, inspect", "def word():", "def fails():", "def told():"]
        body = [f"line = {each}" for each in range(lines)]
        assert sorted(ran) == sorted([*wanted, *body, f'said = "{word}"', "return said"])
    assert served.worst() == []
