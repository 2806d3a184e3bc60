"""What the benchmarks make of their figures; the measuring itself is nothing that a test could hold."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from benchmarks import document, load, processes
from benchmarks.charts import Bar, bars

SAID = """Running 4s test @ http://127.0.0.1:8399/
    Latency     1.09ms  401.51us   8.88ms   93.51%
     50%    1.03ms
     99%  {p99}
  Requests/sec:  31691.78
{more}"""


@pytest.fixture
def wrk(monkeypatch):
    """What wrk is made to say."""

    def says(**said):
        text = SAID.format(**{"p99": "2.22ms", "more": ""} | said)
        monkeypatch.setattr(load, "generator", lambda: "wrk")
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=text))

    return says


@pytest.mark.parametrize(("said", "p99_s"), [("980.00us", 0.00098), ("2.22ms", 0.00222), ("1.5s", 1.5)])
def test_wrk_is_read(wrk, tmp_path, said, p99_s):
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
    """What a server printed before it ended is in the error."""
    argv = [sys.executable, "-c", "print('no such thing')"]
    with (
        pytest.raises(RuntimeError, match="no such thing"),
        processes.running(argv, 1, cpus={0}, folder=tmp_path, output=tmp_path / "log", environment={}),
    ):
        pass
