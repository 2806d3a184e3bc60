"""A process whose output is tagged by ``worker.stdio``, and its lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from appliance.logs.project_output.output_lines import OutputLine, OutputLines
from appliance.protocol.output_frames import new_mark

_LISTEN = """
import sys
earlier = sys.stdout
from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.hooks import Hooks
from appliance.worker.stdio.stdio import tag_output
stdio = tag_output({mark!r}, Hooks())
def begin(name):
    current.set(Exchange(None, "", 0, 0.0, name))
"""


def tagged_output(program: str, *, folder: Path | None = None) -> list[OutputLine]:
    """Everything that this program says once it is listened to, descriptor 1's first."""
    mark = new_mark()
    done = subprocess.run(
        [sys.executable, "-c", _LISTEN.format(mark=mark.hex()) + program],
        capture_output=True,
        timeout=60,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    found = []
    for data in (done.stdout, done.stderr):
        lines = OutputLines(mark)
        found += [*lines.feed(data), *lines.rest()]
    return found


def texts(said: list[OutputLine]) -> list[str]:
    """Return the texts of the output."""
    return [each.text.decode() for each in said if each.record is None]
