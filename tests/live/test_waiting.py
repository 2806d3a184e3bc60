"""The waiting page of a running appliance: what it says while an import takes long, and what it becomes."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]


def test_the_page_says_at_which_line_an_import_is(start: Start):
    """The page says which line an import stands in; its script learns more, and then that the project is served."""
    appliance = start()
    appliance.wait_for("worker.ready")
    slow = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)\n"
    appliance.edit("app.py", slow + HELLO.format(word="two"))
    facts: list[list[str]] = []
    version = 0
    # On a busy machine the standard library's modules are told before it, and its first line, which imports them.
    while facts[:1] != [["Module", "app"]] or facts[1] == ["Waiting line", "app.py:1"]:
        response, body = appliance.get(f"/__appliance__/wait?version={version}", Accept="application/json")
        # "changed" comes before the first fact, of which a busy machine may take a while.
        assert response.headers["X-Appliance-Wait"] in {"progress", "same", "changed"}
        if response.status == 200:
            told = json.loads(body)
            facts, version = told["progress"]["facts"], told["version"]
    assert facts[1] in [["Waiting line", "app.py:2"], ["Waiting line", "app.py:3"]]
    assert told["progress"]["phase"] == "booting"
    assert appliance.get(Accept="text/html")[0].status == 503
    appliance.edit("go", "")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two"
