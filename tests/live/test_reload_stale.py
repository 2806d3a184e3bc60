"""Never stale: the code that is served is the last that was saved, however fast and alike the saves are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

PAGE = """
import word

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [word.WORD.encode()]
"""


def test_the_last_of_equal_saves_in_a_second_is_served(start: Start, project: Path):
    """After twenty saves of equal length in one go the last one is served, each time."""
    (project / "app.py").write_text(PAGE, encoding="utf-8")
    (project / "word.py").write_text("WORD = '0000'\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    for burst in range(5):
        for number in range(20):
            appliance.edit("word.py", f"WORD = '{burst:02}{number:02}'\n")
        wanted = f"{burst:02}19".encode()
        while appliance.get()[1] != wanted:
            appliance.wait_for("reload.finished")  # none comes for ever once the last save was taken for an old one
    assert not (project / "__pycache__").exists()
