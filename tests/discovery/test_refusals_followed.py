"""If no application was found, the advice is followed exactly: then one is found."""

import re

import pytest

from appliance.discovery.project import find_application

FLASK = "import flask\n{0} = flask.Flask('x')\n"
NEEDS = "import flask\ndef create_app(config):\n    return flask.Flask(config)\n"
INI = "[app:{0}]\nuse = egg:shop\n"


@pytest.mark.parametrize(
    ("files", "app"),
    [
        ({"a.py": FLASK.format("one"), "b.py": FLASK.format("two")}, None),
        ({"shop/a.py": FLASK.format("one") + FLASK.format("two"), "shop/__init__.py": ""}, None),
        ({"app.py": FLASK.format("shop") + FLASK.format("other")}, "app.py"),
        ({"web.py": FLASK.format("shop")}, "wep:shop"),
        ({"web.py": FLASK.format("shop")}, "web:shpo"),
        ({"shop/web.py": FLASK.format("shop"), "shop/__init__.py": ""}, "shop/wep.py"),
        ({"x.ini": INI.format("one") + INI.format("two")}, "x.ini"),
        ({"x.ini": INI.format("one")}, "x.ini#gone"),
        ({"app.py": NEEDS}, None),
        ({"app.py": NEEDS}, "app:create_app"),
        ({"lib/__init__.py": "", "examples/quick/app.py": FLASK.format("app")}, None),
    ],
)
def test_the_named_setting_finds_the_application(refuse, tmp_path, files, app):
    """The setting that is named, as it is written, finds an application."""
    error = refuse(files, app=app)
    place = re.search(r"APPLIANCE_PROJECT=(\S+)", error.action)
    if place:
        assert find_application(tmp_path / place[1], {}, None).target.name
        return
    said = re.search(r"(?:APPLIANCE_APP=|most likely )(\"[^\"]+\"|[^\s,]+)", error.action)
    assert said, error.action
    named = said[1].strip('".')
    if app and ":" in app and ":" not in named and named == "shop":
        named = f"{app.partition(':')[0]}:{named}"  # the name that is meant, of the module that was right
    assert find_application(tmp_path, {}, named).target.name
