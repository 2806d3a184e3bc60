"""The oldest and the newest release of each framework that something of ours takes part in, each really served.

The environments are made once, all at the same time, in a cache folder (tests/releases.py); each has what the framework
asks for and no optional dependency.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.live import release_projects as projects
from tests.live.live_appliance import Appliance, Start
from tests.releases import environment
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole


@dataclass(frozen=True)
class Release:
    """A release, and what must be visible of it.

    Attributes:
        python, pins: its environment.
        text: the project.
        route: what the record of ``/items/7`` names; empty where the framework tells nobody.
        helped: the framework answers for an exception by itself, and we add what to do.
        word: where the project's word is.
    """

    python: str
    pins: tuple[str, ...]
    text: str
    route: str = ""
    helped: bool = False
    word: str = "/"


def flask(python: str, *pins: str) -> Release:
    return Release(python, pins, projects.FLASK, "/items/<int:number>", helped=True)


def django(python: str, pin: str) -> Release:
    return Release(python, (pin,), projects.DJANGO, "/items/<int:number>", helped=True)


def dash(python: str, *pins: str) -> Release:
    return Release(python, pins, projects.DASH, "/items/<int:number>", helped=True, word="/word")


# The pins of a release's own time: without them it takes versions that it was never tried with.
OLD_PALLETS = ("werkzeug==1.0.1", "jinja2==2.11.3", "markupsafe==2.0.1", "itsdangerous==1.1.0", "click==7.1.2")
RELEASES = {
    "flask 1.1": flask("3.10", "flask==1.1.4", *OLD_PALLETS),
    "flask 2.0": flask("3.10", "flask==2.0.3", "werkzeug==2.0.3"),
    "flask 2.2": flask("3.11", "flask==2.2.5", "werkzeug==2.2.3"),
    "flask 2.3": flask("3.12", "flask==2.3.3", "werkzeug==2.3.8"),
    "flask 3.1": flask("3.13", "flask==3.1.3", "werkzeug==3.1.9"),
    "django 3.2": django("3.10", "django==3.2.25"),
    "django 4.2": django("3.11", "django==4.2.26"),
    "django 5.2": django("3.13", "django==5.2.19"),
    "django 6.0": django("3.12", "django==6.0.10"),
    "django 6.1": django("3.13", "django==6.1.3"),
    "werkzeug 1.0": Release("3.10", ("werkzeug==1.0.1",), projects.WERKZEUG),
    "werkzeug 3.1": Release("3.13", ("werkzeug==3.1.9",), projects.WERKZEUG),
    "bottle 0.12": Release("3.10", ("bottle==0.12.25",), projects.BOTTLE, "/items/<number:int>"),
    "bottle 0.13": Release("3.13", ("bottle==0.13.4",), projects.BOTTLE, "/items/<number:int>"),
    "falcon 2": Release("3.10", ("falcon==2.0.0",), projects.FALCON),
    "falcon 3": Release("3.11", ("falcon==3.1.3",), projects.FALCON),
    "falcon 4": Release("3.13", ("falcon==4.4.0",), projects.FALCON),
    "pyramid 1.10": Release("3.10", ("pyramid==1.10.8", "setuptools<81"), projects.PYRAMID),
    "pyramid 2": Release("3.13", ("pyramid==2.1",), projects.PYRAMID),
    "dash 1": dash("3.10", "dash==1.21.0", "flask==1.1.4", *OLD_PALLETS, "setuptools<81"),
    "dash 2": dash("3.11", "dash==2.18.2", "setuptools<81"),
    "dash 3": dash("3.12", "dash==3.4.0"),
    "dash 4": dash("3.13", "dash==4.4.1"),
    "gevent 21": Release("3.10", ("gevent==21.12.0", "greenlet==1.1.3", "setuptools<81"), projects.GEVENT),
    "gevent 26": Release("3.13", ("gevent==26.9.0",), projects.GEVENT),
    "eventlet 0.33": Release("3.10", ("eventlet==0.33.3",), projects.EVENTLET),
    "eventlet 0.41": Release("3.13", ("eventlet==0.41.3",), projects.EVENTLET),
}


# The long form has every release, the short one the oldest and the newest of each framework.
RUN = [
    name
    for _, names in groupby(RELEASES, lambda name: name.partition(" ")[0])
    for each in [list(names)]
    for name in (each if THOROUGH else [each[0], each[-1]])
]


@pytest.fixture(scope="module")
def environments() -> dict[str, Any]:
    """Each release's environment, or why it could not be made."""

    def made(release: Release) -> Any:
        try:
            return environment(release.python, *release.pins, project=release.text)
        except BaseException as reason:  # noqa: BLE001  a skip is one; it is the release's own test's
            return reason

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(RUN, pool.map(made, map(RELEASES.__getitem__, RUN)), strict=True))


@pytest.mark.parametrize("name", RUN)
def test_each_release_is_served(start: Start, tmp_path: Path, environments: dict[str, Any], name: str) -> None:
    """A project of this release answers, tells its route and its failure, and is served again when it is saved."""
    release, made = RELEASES[name], environments[name]
    if isinstance(made, BaseException):
        raise made
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.py").write_text(release.text, encoding="utf-8")
    appliance = start(folder, APPLIANCE_INSTALL="off", VIRTUAL_ENV=str(made))
    appliance.wait_for("worker.ready")
    response, content = appliance.get(release.word)
    assert (response.status, content) == (200, b"one")
    assert appliance.get("/items/7")[0].status == 200
    path: dict[str, Any] = {"url.path": "/items/7"}
    assert appliance.wait_for("request.finished", **path).get("http.route", "") == release.route
    fails(appliance, release)
    debug = "\napp.debug = True\n" if release.text is projects.FLASK else ""
    appliance.edit("app.py", release.text.replace('"one"', '"two"') + debug)
    appliance.wait_for("reload.finished")
    assert appliance.get(release.word)[1] == b"two"
    if debug:
        response, content = appliance.get("/fail", Accept="text/html")
        assert (response.status, b"__debugger__" in content) == (500, True)
        assert "no such table" in appliance.wait_for("application.failed")["error"]
    assert appliance.stop() == 0
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


def fails(appliance: Appliance, release: Release) -> None:
    """Assert that the release's failure is answered with 500 and its words, and with advice if we take part in it."""
    assert appliance.get("/fail", Accept="text/html")[0].status == 500
    while True:
        event = appliance.wait_for("application.failed") if release.helped else wait_for_failure(appliance)
        if "no such table: posts" in str(event):
            assert not release.helped or "no table posts" in event["action"]
            return


def wait_for_failure(appliance: Appliance) -> Any:
    """The next event at level error that is not a request's end."""
    while True:
        event = appliance.next_event()
        if event["level"] == "error" and not event["event"].startswith("request."):
            return event
