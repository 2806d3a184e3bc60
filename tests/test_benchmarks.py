"""The benchmarks' use of their figures; a test could not check the measuring itself."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from benchmarks import document, large_projects, load, processes, saves
from benchmarks.charts import Bar, bars
from benchmarks.reload_projects import PROJECT_LIST

SAID = """Running 4s test @ http://127.0.0.1:8399/
    Latency     1.09ms  401.51us   8.88ms   93.51%
     50%    1.03ms
     99%  {p99}
  Requests/sec:  31691.78
{more}"""


@pytest.fixture
def wrk(monkeypatch):
    """Return a function that sets the output of wrk."""

    def says(**said):
        text = SAID.format(**{"p99": "2.22ms", "more": ""} | said)
        monkeypatch.setattr(load, "generator", lambda: "wrk")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=text))

    return says


@pytest.mark.parametrize(("said", "p99_s"), [("980.00us", 0.00098), ("2.22ms", 0.00222), ("1.5s", 1.5)])
def test_rate_and_latency_of_wrk_are_read(wrk, tmp_path, said, p99_s):
    """The rate and the 99th percentile are what wrk said, in whatever unit."""
    wrk(p99=said)
    seen = load.measure(1, load.SCENARIOS[0], seconds=1, cpus={0}, scripts=tmp_path)
    assert seen.p99_s == pytest.approx(p99_s)
    assert (seen.rate, seen.failed) == (31691.78, 0)


@pytest.mark.parametrize(("close", "failed"), [(False, 12), (True, 10)])
def test_what_failed_is_counted(wrk, tmp_path, close, failed):
    """Errors and other statuses count as failed; a close that was asked for does not."""
    wrk(more="Socket errors: connect 1, read 2, write 3, timeout 1\nNon-2xx or 3xx responses: 5")
    scenario = load.Scenario("any", "Any", close=close)
    assert load.measure(1, scenario, seconds=1, cpus={0}, scripts=tmp_path).failed == failed


def test_a_chart_is_svg_with_every_bar():
    """A chart is well-formed, shows each row with its figure, and the longest bar is the greatest value's."""
    drawn = ET.fromstring(bars("A <title> & more", [Bar("ours & fast", 20, ours=True), Bar("theirs", 5, "5 ms")]))
    lengths = [float(bar.attrib["width"]) for bar in drawn.findall("{*}rect")]
    words = [text.text for text in drawn.findall("{*}text")]
    assert lengths[0] == pytest.approx(lengths[1] * 4, abs=0.5)
    assert {"A <title> & more", "ours & fast", "20", "5 ms"} <= set(words)


def test_the_page_has_a_place_for_each_result():
    """Each section that is made of results has its marks on the page."""
    page = document.PAGE.read_text()
    for name in document.SECTIONS:
        assert f"<!-- {name}: made by benchmarks/document.py -->" in page
        assert f"<!-- end of {name} -->" in page


def test_a_server_that_does_not_come_up_says_why(tmp_path):
    """The error has the output of a server that ended before it served."""
    argv = [sys.executable, "-c", "print('no such thing')"]
    with (
        pytest.raises(RuntimeError, match="no such thing"),
        processes.running(argv, 1, cpus={0}, folder=tmp_path, output=tmp_path / "log", environment={}),
    ):
        pass


@pytest.mark.parametrize("write", [large_projects.write_flask, large_projects.write_django])
def test_a_large_project_has_its_modules(write, tmp_path):
    """A generated project has as many modules as asked for, and each of them compiles."""
    write(tmp_path, modules=20)
    files = list(tmp_path.rglob("*.py"))
    assert len(files) >= 20
    for file in files:
        compile(file.read_text(), file, "exec")
    places = {file.name for file in files if file.name.startswith("saved_")}
    assert places == {"saved_inside.py", "saved_at_top.py", "saved_late.py"}


def test_a_version_is_saved_at_its_place():
    """A save changes the version at the top of a module, or that inside a function, and not both."""
    code = "VERSION = 0\n\ndef inside():\n    VERSION = 0\n"
    assert saves.with_version(code, 7) == "VERSION = 7\n\ndef inside():\n    VERSION = 0\n"
    assert saves.with_version(code, 7, inside=True) == "VERSION = 0\n\ndef inside():\n    VERSION = 7\n"


def test_each_project_can_be_written(tmp_path):
    """Each project that is measured has the file that is saved, with a version at its place."""
    for project in PROJECT_LIST:
        if project.environment == "reload" and not project.more and "large" not in project.key:
            project.write(tmp_path / project.key)
            code = (tmp_path / project.key / project.edited).read_text()
            assert saves.with_version(code, 7, inside=project.inside) != code
    assert len({project.key for project in PROJECT_LIST}) == len(PROJECT_LIST)
