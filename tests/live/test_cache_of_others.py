"""The files kept between two starts, after other users could have written them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.thorough import one_in

pytestmark = pytest.mark.whole


def kept(start: Start, cache: Path) -> None:
    """Serve once, until all is kept that is kept of a project."""
    appliance = start(APPLIANCE_CACHE=str(cache))
    appliance.wait_for("preload.ready")
    assert appliance.stop() == 0


@pytest.mark.parametrize("part", one_in(2, ["code/*", "code", "."]))
def test_a_part_that_others_could_write_is_made_again(start: Start, tmp_path: Path, part: str):
    """A part of the cache that others could write is made again, with one event; the next start says nothing."""
    cache = tmp_path / "cache"
    kept(start, cache)
    (own,) = cache.iterdir()
    (found,) = own.glob(part) if part != "." else [own]
    found.chmod(0o777)
    shutil.rmtree(own / "preload")  # else the preloader is ready before the worker
    appliance = start(APPLIANCE_CACHE=str(cache))
    event = appliance.wait_for("cache.refused" if part == "code/*" else "folder.replaced")
    assert event["path"] == str(found)
    assert "others can write it" in event["reason"]
    appliance.wait_for("worker.ready")  # what is made again may take a while
    assert appliance.get()[1] == b"one"
    appliance.wait_for("preload.ready")  # what was compiled is kept by then
    assert [each["event"] for each in appliance.events].count(event["event"]) == 1
    installed = [each for each in appliance.events if each["event"] == "install.started"]
    assert len(installed) == (part == ".")
    appliance.stop()
    again = start(APPLIANCE_CACHE=str(cache))
    again.wait_for("worker.ready")
    again.catch_up()
    assert not [each for each in again.events if each["event"] in {"cache.refused", "folder.replaced"}]
    assert not [each for each in again.events if each["event"] == "install.started"]


def test_a_command_says_it_on_stderr(start: Start, tmp_path: Path):
    """A command that finds such a part says so on stderr, and goes on."""
    cache = tmp_path / "cache"
    appliance = start(APPLIANCE_CACHE=str(cache))
    appliance.wait_for("worker.ready")
    own = cache / f"uid-{os.geteuid()}"
    (own / "environments").chmod(0o777)
    done = appliance.command("run", "python", "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert f"appliance: {own}/environments: others can write it (mode 0777). " in done.stderr
