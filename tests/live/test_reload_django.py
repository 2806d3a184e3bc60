"""A Django project: what it leaves for its first request is done before it serves, and known for the next reload."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance

Start = Callable[..., Appliance]

SITE = Path(__file__).parent.parent / "apps" / "django_site"


@pytest.mark.whole
def test_broken_urls_are_a_page_at_once(start: Start, tmp_path: Path):
    """Broken URLs are a page at once; what views import is preloaded though nobody has asked for one."""
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    urls = next(folder.rglob("urls.py"))
    good = urls.read_text(encoding="utf-8")
    urls.write_text("import xmlrpc.client\n" + good, encoding="utf-8")
    cache = tmp_path / "cache"  # its own: other tests' projects have lists in the one that they share
    appliance = start(folder, APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=sys.executable, APPLIANCE_CACHE=str(cache))
    appliance.wait_for("preload.ready", within_s=60)
    (listed,) = cache.glob("uid-*/preload/*.json")
    while not (known := json.loads(listed.read_text(encoding="utf-8")))["proven"]:  # a longer list was told meanwhile
        appliance.wait_for("preload.ready", within_s=60)
    assert "xmlrpc.client" in known["modules"]
    assert "django.http" in known["modules"]
    assert "django.http" not in known["left"]
    assert not any(name.startswith(urls.parent.name) for name in known["modules"])
    appliance.edit(str(urls.relative_to(folder)), "def urlpatterns(:\n")
    assert Path(appliance.wait_for("worker.failed")["file"]) == urls
    assert appliance.get()[0].status == 500
    appliance.edit(str(urls.relative_to(folder)), good)
    while appliance.get()[0].status >= 500:
        appliance.wait_for("reload.finished")
