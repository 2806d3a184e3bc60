"""A request that a breakpoint holds, and the debugger that has the breakpoint."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from typing import Any

from tests.live.live_appliance import Appliance


def debugger_alone(folder: Path) -> Path:
    """Make a folder with debugpy alone in it, as the image has one, and return it."""
    spec = importlib.util.find_spec("debugpy")
    assert spec is not None
    assert spec.origin is not None
    alone = folder / "debugpy-alone"
    alone.mkdir()
    (alone / "debugpy").symlink_to(Path(spec.origin).parent)
    return alone


class HeldRequest(threading.Thread):
    """A request that a breakpoint holds."""

    def __init__(self, appliance: Appliance, path: str = "/") -> None:
        super().__init__(daemon=True)
        self._path = path
        self._appliance = appliance
        self.answer: tuple[int, bytes] | None = None
        self.start()

    def run(self) -> None:
        """Ask, and keep the answer."""
        response, body = self._appliance.get(self._path)
        self.answer = (response.status, body)

    def answered(self) -> Any:
        """The answer, once it is there."""
        self.join(60)
        return self.answer
