"""A project whose functions are swapped: its files, its appliance, and what the log says of its reloads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live import release_projects
from tests.live.live_appliance import Appliance, Event, Start
from tests.releases import environment

PLAIN = """
import shop

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [shop.word().encode()]
"""
FLASK = """
from flask import Flask
import shop

app = Flask(__name__)

@app.route("/")
def index():
    return shop.word()
"""
DJANGO = """
from django.conf import settings
from django.http import HttpResponse
import shop

if not settings.configured:
    settings.configure(
        DEBUG=True, SECRET_KEY="not-a-secret", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DATABASES={},
        INSTALLED_APPS=["django.contrib.contenttypes"], MIDDLEWARE=[],
    )

from django.core.wsgi import get_wsgi_application
from django.urls import path

def index(request):
    return HttpResponse(shop.word())

urlpatterns = [path("", index)]
app = get_wsgi_application()
"""
SHOP = """
{top}
def word():
    {more}return "{word}"
"""
PROJECTS = {"plain": PLAIN, "flask": FLASK, "django": DJANGO}
_PINS = {
    "flask": ("flask==3.1.3", "werkzeug==3.1.9"),
    "django": ("django==6.1.3",),
}
_KNOWN = {"flask": release_projects.FLASK, "django": release_projects.DJANGO}


def python(framework: str = "flask", version: str = "3.13") -> str:
    """The folder of an environment of this Python; the test is skipped without one."""
    name = framework if framework in _PINS else "flask"
    return str(environment(version, *_PINS[name], project=_KNOWN[name]))


class SwappedProject:
    """A project of one framework, served with swaps."""

    def __init__(
        self, start: Start, folder: Path, framework: str = "plain", python: str = "", *,
        word: str = "one", top: str = "", **settings: str,
    ) -> None:  # fmt: skip
        (folder / "app.py").write_text(PROJECTS[framework], encoding="utf-8")
        (folder / "shop.py").write_text(SHOP.format(top=top, more="", word=word), encoding="utf-8")
        self.settings = {"APPLIANCE_INSTALL": "off", "APPLIANCE_SWAP": "on", "VIRTUAL_ENV": python, **settings}
        self.appliance: Appliance = start(folder, **self.settings)

    def snapshot(self) -> int:
        """Wait for the next snapshot; its process."""
        return int(self.appliance.wait_for("snapshot.ready")["pid"])

    def verified(self) -> None:
        """Wait until the last swap is compared with an import."""
        self.appliance.wait_for("reload.verified")

    def spare(self) -> int:
        """Wait until the snapshot has its spare; that process."""
        snapshot = self.status()["snapshot"]["pid"]
        found: list[int] = []

        def has_spare() -> bool:
            spares = (each["pid"] for each in self.status()["processes"] if each["role"] == "spare")
            found[:] = [pid for pid in spares if pid > snapshot > 0]
            return bool(found)

        self.appliance.until(has_spare)
        return max(found)

    def save(self, word: str, *, top: str = "", more: str = "") -> Event:
        """Save the module with this word; how it was reloaded, once the word is served."""
        self.write(word, top=top, more=more)
        while True:
            reload = self.appliance.wait_for("reload.finished")
            if self.appliance.get()[1] == word.encode():
                return reload

    def write(self, word: str, *, top: str = "", more: str = "") -> None:
        """Save the module with this word, and wait for nothing."""
        self.appliance.edit("shop.py", SHOP.format(top=top, more=more, word=word))

    def settles(self, word: str) -> None:
        """Wait until this word is served, and stays."""
        while self.appliance.get()[1] != word.encode():
            self.appliance.wait_for("reload.finished")
        self.appliance.catch_up()
        assert self.appliance.get()[1] == word.encode()

    def reloads(self) -> list[Event]:
        """Each reload that the log has had so far."""
        self.appliance.catch_up()
        return [each for each in self.appliance.events if each["event"] == "reload.finished"]

    def status(self) -> dict[str, Any]:
        """Return the answer of ``appliance status --json``."""
        return status_of(self.appliance)

    def worst(self) -> list[str]:
        """The events of the log so far that are errors, or defects of ours."""
        return worst_of(self.appliance)


def status_of(appliance: Appliance) -> dict[str, Any]:
    """Return the answer of ``appliance status --json``."""
    told: dict[str, Any] = json.loads(appliance.command("status", "--json").stdout)
    return told


def worst_of(appliance: Appliance) -> list[str]:
    """The events of the log so far that are errors, or defects of ours."""
    appliance.catch_up()
    worst = [each for each in appliance.events if each["level"] in {"error", "critical"}]
    return [f"{each['event']} {each.get('message') or each}" for each in worst]
