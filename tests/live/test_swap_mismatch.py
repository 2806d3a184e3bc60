"""A swap whose state is really another than that of an import: it is noticed, told, corrected, and not made again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.live.snapshot_project import SnapshotProject
from tests.live.swapped_project import python

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots"),
    pytest.mark.whole,
]

APP = """
import first, shop, switch

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{shop.word()} {switch.IS_ON} {first.word()}".encode()]
"""
# A file outside of the project changes between two imports, and then stays: no witness knows of that.
SWITCH = """
import os
IS_ON = os.path.exists({path!r})
"""
WORD = """
{top}
def word():
    return "{word}"
"""


def word(word: str, top: str = "") -> str:
    """A module with a function that returns this."""
    return WORD.format(word=word, top=top)


def test_a_module_that_differs_from_an_import_is_named(start: Start, project: Path, tmp_path: Path):
    """The event names the module that differs; an import serves instead, and the file is not swapped again."""
    switch = tmp_path / "on"
    setting = SWITCH.format(path=str(switch))
    files = {"app.py": APP, "first.py": word("one"), "shop.py": word("one"), "switch.py": setting}
    served = SnapshotProject(start, project, files, python())
    served.has_snapshot()
    assert served.save("shop.py", word("two"))["how"] == "swapped"
    swapped = served.text()
    switch.touch()
    told = served.appliance.wait_for("reload.mismatch")
    assert (swapped, told["names"], told["files"]) == ("two False one", ["switch"], ["shop.py"])
    replaced = served.appliance.wait_for("reload.finished")
    assert (replaced["how"], served.text()) == ("forked", "two True one")
    assert replaced["reason"] == "the worker before it differed from an import of the same files"
    served.has_snapshot()
    assert served.status()["snapshot"]["off"] == ["shop.py", "switch"]
    assert "shop.py" in served.appliance.command("status").stdout

    again = served.save("shop.py", word("three"))
    assert (again["how"], again["reason"]) == (
        "forked",
        "swaps of shop.py are off: one of them differed from an import",
    )
    served.has_checkpoint("shop.py")
    served.has_snapshot()
    assert served.save("shop.py", word("four"))["how"] == "checkpoint"
    served.has_snapshot()
    assert served.save("first.py", word("five"))["how"] == "swapped"
    served.appliance.wait_for("reload.verified")
    assert served.text() == "four True five"
    assert [each["names"] for each in served.named("reload.mismatch")] == [["switch"]]
