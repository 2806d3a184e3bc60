"""A factory of the own package, and what its author starts it with."""

import pytest

from appliance.discovery.project import find_application

OWN = {
    "pyproject.toml": '[tool.poetry]\nname = "conduit"\n',
    "conduit/__init__.py": "",
    "conduit/settings.py": "class DevConfig: ...\n",
    "conduit/app.py": "from flask import Flask\ndef create_app(config=None):\n    app = Flask('x')\n    return app\n",
}
AUTO = "from conduit.app import create_app\nfrom conduit.settings import DevConfig\napp = create_app(DevConfig)\n"
SEED = AUTO + "with app.app_context():\n    fill()\n"
PROCFILE = "web: gunicorn autoapp:app\n"
OTHER = "from flask import Flask\napp = Flask('other')\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"autoapp.py": AUTO, "Procfile": PROCFILE}, "autoapp:app"),
        ({"autoapp.py": AUTO}, "autoapp:app"),
        (
            {"deploy/__init__.py": "", "deploy/site.py": AUTO, "Procfile": "web: gunicorn deploy.site:app\n"},
            "deploy.site:app",
        ),
        ({"Procfile": "web: gunicorn 'conduit.app:create_app()'\n"}, "conduit.app:create_app()"),
        ({}, "conduit.app:create_app()"),
        ({"one.py": AUTO, "two.py": AUTO}, "conduit.app:create_app()"),
        ({"seed.py": SEED}, "conduit.app:create_app()"),
        ({"seed.py": SEED, "Makefile": "tables:\n\tpython seed.py\n"}, "conduit.app:create_app()"),
        ({"mock.py": OTHER}, "conduit.app:create_app()"),
        ({"mock.py": OTHER, "Makefile": "mock:\n\tpython mock.py\n"}, "conduit.app:create_app()"),
        ({"examples/shop.py": AUTO, "Makefile": "demo:\n\tpython examples/shop.py\n"}, "conduit.app:create_app()"),
    ],
    ids=[
        "a Procfile names the instance",
        "a root module makes it",
        "a Procfile names it elsewhere",
        "a Procfile names the factory",
        "nothing starts it",
        "two root modules",
        "one that fills tables",
        "one that fills tables is run",
        "another application",
        "another service is started",
        "an example is started",
    ],
)
def test_started_as_its_author_does(find, files, expected):
    """The instance that the author makes comes before the bare factory, and nothing else does."""
    assert find({**OWN, **files}).name == expected


def test_a_factory_is_reported_beside_its_instance(find, tmp_path):
    """The factory is among the findings, passed over for what makes its instance."""
    find({**OWN, "autoapp.py": AUTO})
    last = find_application(tmp_path, {}, None).findings[-2:]
    assert [(each.looked_at, each.outcome) for each in last] == [
        ("conduit/app.py", "passed over"),
        ("autoapp.py", "chosen"),
    ]


def test_an_instance_of_the_own_package_comes_first(find):
    """An instance in the own package comes before a starter's, also if a method makes it servable, as in web.py."""
    files = {"conduit/app.py": "import web\napp = web.application((), globals())\n", "Procfile": PROCFILE}
    assert find({**OWN, "autoapp.py": "import conduit\n" + OTHER, **files}).name == "conduit.app:app.wsgifunc()"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from app import create_app\nchat = create_app(debug=True)\n", "chat:chat"),
        ("import os\nfrom app import create_app\napp = create_app(os.getenv('CONFIG') or 'default')\n", "chat:app"),
        ("from app import create_app\nflask_app = create_app()\nqueue = flask_app.queue\n", "app:create_app()"),
    ],
    ids=["with an option", "with a configuration", "with nothing"],
)
def test_a_package_called_app_is_started_with_its_authors_configuration(find, text, expected):
    """A file beside ``app/`` that passes a configuration to its factory is what the author starts."""
    factory = "from flask import Flask\ndef create_app(config=None, debug=False):\n    return Flask('x')\n"
    assert find({"app/__init__.py": factory, "chat.py": text}).name == expected
