"""The effect of a new name for the application, its file, and a module of the project's."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]

SCRIPT = """
from wsgiref.simple_server import make_server

def main():
    def answer(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"{word}"]
    make_server("", 8123, answer).serve_forever()

if __name__ == "__main__":
    main()
"""
FORMS = {
    "another name": HELLO.replace("def app(", "def application("),
    "a factory": HELLO.replace("def app(", "def answer(") + "\ndef create_app():\n    return answer\n",
    "a script": SCRIPT,
}


def becomes(appliance: Appliance, body: bytes) -> None:
    """Until this is answered; meanwhile nothing else is but the old answer, or that a start takes a while."""
    while (answer := appliance.get())[1] != body:
        assert answer[0].status in {200, 503}
        appliance.wait_for("reload.finished")


@pytest.mark.parametrize("form", FORMS)
def test_a_renamed_application_is_served_at_that_save(start: Start, project: Path, form: str):
    """An application that is renamed is served at that save, and so is one that gets its old name back."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", FORMS[form].replace("{word}", "two"))
    becomes(appliance, b"two")
    assert [event for event in appliance.events if event["event"] == "worker.failed"] == []
    appliance.edit("app.py", HELLO.replace("{word}", "three"))
    becomes(appliance, b"three")


@pytest.mark.whole
def test_a_failed_import_is_reported_as_usual(start: Start, project: Path):
    """If the application is still the same, the failure is the import's, and the page its own."""
    appliance = start()
    appliance.wait_for("worker.ready")
    for text, words in (
        ("app = 1\n", "is a int"),
        ("import nowhere_at_all\n" + HELLO, "nowhere_at_all"),
        ("(", "Syntax"),
    ):
        appliance.edit("app.py", text)
        failed = appliance.wait_for("worker.failed")
        assert words in failed["traceback"]
        response, body = appliance.get(Accept="application/json")
        assert response.status == 500
        assert words in json.loads(body)["text"]
    appliance.edit("app.py", HELLO.format(word="mended"))
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"mended"


PACKAGE = "import prices\nfrom shop import cart\n" + HELLO.replace('b"{word}"', "prices.WORD")


@pytest.mark.whole
@pytest.mark.parametrize(
    ("old", "new"), [("prices.py", "costs.py"), ("shop/cart.py", "shop/basket.py"), ("shop", "store")]
)
def test_a_page_says_that_a_renamed_module_existed(start: Start, project: Path, old: str, new: str):
    """The page says that it was there until a moment ago, and not that a package of its name should be installed."""
    (project / "shop").mkdir()
    (project / "shop" / "cart.py").write_text("", encoding="utf-8")
    (project / "prices.py").write_text("WORD = b'one'\n", encoding="utf-8")
    (project / "app.py").write_text(PACKAGE, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    (project / old).rename(project / new)
    failed = appliance.wait_for("worker.failed")
    assert failed["action"].startswith(f"{old} was removed or renamed just now")
    (project / new).rename(project / old)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"


def test_a_renamed_module_is_named_so_by_the_request_that_imports_it(start: Start, project: Path):
    """A module that was renamed away is named so where a request needs it, too."""
    text = HELLO.replace("    start_response", "    import prices\n    start_response").replace("{word}", "one")
    (project / "app.py").write_text(text, encoding="utf-8")
    (project / "prices.py").write_text("", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    (project / "prices.py").rename(project / "costs.py")
    appliance.wait_for("reload.finished")
    response, body = appliance.get(Accept="application/json")
    assert response.status == 500
    assert json.loads(body)["action"].startswith("prices.py was removed or renamed just now")


def test_an_application_renamed_while_commands_run_is_served(start: Start, project: Path, tmp_path: Path):
    """An application that is renamed while the commands before the first worker run is served when they have."""
    os.mkfifo(tmp_path / "go")
    appliance = start(APPLIANCE_BEFORE_START=f"echo begun; read line < {tmp_path / 'go'}")
    appliance.wait_for("output", text="begun")
    appliance.edit("app.py", FORMS["another name"].replace("{word}", "two"))
    (project / "marked.py").write_text("", encoding="utf-8")
    appliance.wait_for("reload.started")
    (tmp_path / "go").write_text("on\n", encoding="utf-8")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two"
    assert [event for event in appliance.events if event["event"] == "worker.failed"] == []
