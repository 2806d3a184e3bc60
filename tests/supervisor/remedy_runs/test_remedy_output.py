"""The output of a remedy on pages: readable lines, in batches, and never more than a page can show."""

from __future__ import annotations

import pytest

from appliance.supervisor.remedy_runs.remedy_output import BATCH_MAX, LINES_S, RemedyOutput
from tests.supervisor.fakes import FakeLoop


class Scene:
    """The output of one run, and the batches that pages have got."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.batches: list[list[str]] = []
        loop: FakeLoop = self.loop
        self.output = RemedyOutput(loop, self.batches.append)  # type: ignore[arg-type]

    def shown(self, *blocks: bytes) -> list[str]:
        """The lines that pages show of these blocks."""
        self.output.add(blocks)
        self.output.flush()
        return self.batches.pop() if self.batches else []


@pytest.fixture
def scene() -> Scene:
    """A run that has written nothing."""
    return Scene()


def test_output_is_shown_in_batches(scene: Scene):
    """Output within a tenth of a second is one batch, shown at its end; later output is another one."""
    scene.output.add([b"one"])
    scene.loop.advance(LINES_S / 2)
    scene.output.add([b"two\nthree"])
    assert scene.batches == []
    scene.loop.advance(LINES_S / 2)
    assert scene.batches == [["one", "two", "three"]]
    scene.loop.advance(10.0)
    scene.output.add([b"four"])
    scene.loop.advance(LINES_S)
    assert scene.batches == [["one", "two", "three"], ["four"]]


def test_the_rest_is_shown_at_the_end(scene: Scene):
    """At the end of a run the rest is shown at once, and not once more when the batch would have been due."""
    scene.output.add([b"last"])
    scene.output.flush()
    scene.loop.advance(10.0)
    scene.output.flush()
    assert scene.batches == [["last"]]
    scene.output.add([b"of the next run"])
    scene.loop.advance(LINES_S)
    assert scene.batches[1:] == [["of the next run"]]


@pytest.mark.parametrize(
    ("more", "end"),
    [(0, []), (1, ["... (1 more line is in the log)"]), (7, ["... (7 more lines are in the log)"])],
)
def test_a_batch_has_an_end(scene: Scene, more: int, end: list[str]):
    """A batch of a run that prints without end shows so many lines, and the number of the others."""
    lines = [str(number) for number in range(BATCH_MAX + more)]
    assert scene.shown("\n".join(lines).encode()) == lines[:BATCH_MAX] + end
    assert scene.shown(b"after that") == ["after that"]


def test_another_run_begins_with_nothing(scene: Scene):
    """The output of an earlier run is not shown as the next one's, nor is its count of omitted lines."""
    scene.output.add([b"\n".join([b"x"] * (BATCH_MAX + 3))])
    scene.output.clear()
    assert scene.output.last_line == ""
    assert scene.shown(b"new") == ["new"]


def test_the_last_line_is_kept(scene: Scene):
    """The last line with text is kept, however it is divided, and a long one is cut; before any output it is empty."""
    assert scene.output.last_line == ""
    scene.output.add([b"first\n", b"  the reason \n \n", b""])
    assert scene.output.last_line == "the reason"
    scene.output.add([b"x" * 5000])
    assert scene.output.last_line == "x" * 1000


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (b"\x1b[1;31mred\x1b[0m text", "red text"),
        (b"\x1b]0;title\x07shown", "shown"),
        (b"\x1b]8;;http://x\x1b\\link", "link"),
        (b"10 %\r50 %\r100 %\r", "100 %"),
        (b"BOX of Windows \r", "BOX of Windows "),
        (b"BOX\r", "BOX"),
        (b"a\tb", "a    b"),
        (b"bell\x07", "bell\\x07"),
        (b"\xff\xc3\xa9", "\ufffd\u00e9"),
        (b"y" * 1001, "y" * 1000),
        (b"\x1b[0m" * 200 + b"z" * 300, "z" * 300),
        (b"\x1b[0m" * 501 + b"too far", ""),
    ],
)
def test_a_line_is_readable(scene: Scene, written: bytes, line: str):
    """A page shows text: no colours, the last state of a progress bar, no control characters, no line without end."""
    assert scene.shown(written) == [line]
