"""The processes that run if every part that can be left out is off."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.live.live_appliance import HELLO, Appliance


def test_without_the_optional_parts_four_processes_are_left(start: Callable[..., Appliance]):
    """Without swaps, pages and records, a reload is served by supervisor, preloader, worker and spare alone."""
    appliance = start(APPLIANCE_SWAP="off", APPLIANCE_PAGES="off", APPLIANCE_RECORD="off")
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", HELLO.format(word="two"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"two"
    processes = json.loads(appliance.command("status", "--json").stdout)["processes"]
    roles = {each["role"] for each in processes} - {"spare", "standin"}  # one may not be ready, the other not ended yet
    assert roles == {"preloader", "worker"}
    assert appliance.stop() == 0
