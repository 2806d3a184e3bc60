"""A wall clock that jumps, as a laptop's does when it wakes up or a virtual machine's when it is synchronised."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]

SOURCE = Path(__file__).parent.parent / "apps" / "clock" / "jump.c"

PAGE = """
import time

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{word} {time.time()}".encode()]
"""

DAY_S = 86_400


@pytest.mark.parametrize("jumps_s", [[DAY_S, 0], [-DAY_S, 0], [3650 * DAY_S, -3650 * DAY_S]])
def test_a_clock_that_jumps_changes_nothing(start: Start, project: Path, tmp_path: Path, jumps_s: list[int]):
    """With a jumping clock the appliance serves, reloads, logs and stops; Date and log follow it, durations don't."""
    library, offset = tmp_path / "jump.so", tmp_path / "offset"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    offset.write_text("0", encoding="utf-8")
    (project / "app.py").write_text("word = 'first'\n" + PAGE, encoding="utf-8")
    appliance = start(LD_PRELOAD=str(library), JUMP=str(offset))
    appliance.wait_for("worker.ready")
    with closing(HTTPConnection("127.0.0.1", appliance.port, timeout=30)) as kept:
        for number, jump_s in enumerate(jumps_s):
            aside = offset.with_suffix(".new")
            aside.write_text(str(jump_s), encoding="utf-8")
            aside.replace(offset)
            kept.request("GET", f"/kept-{number}")
            response = kept.getresponse()
            now = float(response.read().split()[1])
            assert abs(parsedate_to_datetime(response.headers["Date"]).timestamp() - now) < 5
            path: dict[str, Any] = {"url.path": f"/kept-{number}"}
            line = appliance.wait_for("request.finished", **path)
            assert abs(datetime.fromisoformat(line["timestamp"]).timestamp() - now) < 5
            assert 0 <= line["duration_s"] < 5
            appliance.edit("app.py", f"word = 'after-{number}'\n" + PAGE)
            assert 0 <= appliance.wait_for("reload.finished")["duration_s"] < 30
            assert appliance.get()[1].split()[0] == f"after-{number}".encode()
            assert appliance.command("status").returncode == 0
    assert appliance.stop() == 0
