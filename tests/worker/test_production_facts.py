"""The facts that `appliance eject` asks a project for, from the settings that it has after its import."""

import json
import subprocess
import sys

import pytest

from appliance.worker import production_facts

SITE = """\
from django.conf import settings
from django.core.wsgi import get_wsgi_application
settings.configure(SECRET_KEY={key!r}, DEBUG=True, ROOT_URLCONF=__name__)
urlpatterns = []
application = get_wsgi_application()
"""


@pytest.mark.parametrize(("key", "public"), [("django-insecure-x", True), ("abc-def", False), ("", False)])
def test_the_secret_key_of_startproject_is_recognised(tmp_path, key, public):
    """The key that startproject writes into the settings is recognised, without being printed."""
    (tmp_path / "site_wsgi.py").write_text(SITE.format(key=key), encoding="utf-8")
    asked = {
        "path": [str(tmp_path)], "root": str(tmp_path), "text": "", "file": "", "reference": "site_wsgi:application",
        "factory": False, "by_signature": False,
    }  # fmt: skip
    command = [sys.executable, production_facts.__file__, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["django"]["public_key"] is public
    assert not key or key not in done.stdout
