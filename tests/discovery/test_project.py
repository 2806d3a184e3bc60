"""The application of a folder: every rule on a small project, and the error if there is none."""

import json
from pathlib import Path

import pytest

from appliance.discovery.project import find_application

APPS = Path(__file__).resolve().parents[1] / "apps"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
MANAGE = """import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
FACTORY = "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n"
WSGI = "def {name}(environ, start_response):\n    return []\n"


# Each: what it is called, its files, and "module:attribute" with "()" for a factory, "?" where the worker decides.
FOUND = {
    "flask": ({"app.py": FLASK}, "app:app"),
    "flask by another name": ({"app.py": "import flask as f\nsite = f.Flask(__name__)\n"}, "app:site"),
    "a factory": ({"app.py": FACTORY}, "app:create_app()"),
    "a package that is called test": ({"test/__init__.py": "", "test/site.py": FLASK}, "test.site:app"),
    "a package that is called tests": ({"tests/__init__.py": FLASK, "tests/test_it.py": ""}, "tests:app"),
    "a file that is called test": ({"test.py": FLASK}, "test:app"),
    "a callable named app may be a factory": (
        {"app.py": "import bottle\ndef app():\n    return bottle.default_app()\n"},
        "app:app()",
    ),
    "an application named app is none": ({"app.py": WSGI.format(name="app")}, "app:app"),
    "a factory before its module's guard": (
        {"run.py": FACTORY + "if __name__ == '__main__':\n    app = create_app()\n    app.run()\n"},
        "run:create_app()",
    ),
    "Django in one file": ({"counter.py": "from nanodjango import Django\napp = Django()\n"}, "counter:app"),
    "made by the factory that stands beside it": (
        {"wsgi.py": "from shop import create_app\nshop = create_app('shop.cfg')\n", "shop/__init__.py": FACTORY},
        "wsgi:shop",
    ),
    "two that are made by the factory": (
        {"wsgi.py": "from shop import create_app\na = create_app()\nb = create_app()\n", "shop/__init__.py": FACTORY},
        "wsgi:create_app()",
    ),
    "wsgi.py before app.py": ({"app.py": FLASK, "wsgi.py": "from app import app as application\n"}, "wsgi:application"),
    "application first in wsgi.py": (
        {"wsgi.py": FLASK + "from werkzeug.middleware.proxy_fix import ProxyFix\napplication = ProxyFix(app)\n"},
        "wsgi:application",
    ),
    "made by a factory elsewhere": (
        {"wsgi.py": "from shop import create_app\napp = create_app()\n", "shop/__init__.py": FACTORY},
        "wsgi:app",
    ),
    "through two modules and a star": (
        {"app.py": "from web import *\n", "web.py": "from site_ import app\n", "site_.py": FLASK},
        "app:app",
    ),
    "in try, with and if": (
        {"app.py": "try:\n    from flask import Flask\nexcept Exception:\n    raise\nif True:\n    app = Flask('x')\n"},
        "app:app",
    ),
    "a subclass": (
        {"app.py": "from flask import Flask\nclass Shop(Flask):\n    pass\napplication = Shop(__name__)\n"},
        "app:application",
    ),
    "an object that is called": (
        {"app.py": "class Shop:\n    def __call__(self, environ, start_response): ...\nshop = Shop()\n"},
        "app:shop",
    ),
    "a class that is iterated": (
        {"main.py": "class Shop:\n    def __init__(self, environ, start_response): ...\n    def __iter__(self): ...\n"},
        "main:Shop",
    ),
    "a class whose base is iterated": (
        {
            "base.py": "class Base:\n    def __iter__(self): ...\n",
            "main.py": "import base\nclass Shop(base.Base):\n    def __init__(self, environ, start_response): ...\n",
        },
        "main:Shop",
    ),
    "a class that keeps a request is none": (
        {
            "shop/__init__.py": "",
            "shop/api.py": "class Request:\n    def __init__(self, environ, start_response): ...\n",
            "shop/main.py": WSGI.format(name="dispatch_request"),
        },
        "shop.main:dispatch_request",
    ),
    "its parameters by any name": (
        {"app.py": "def app(e, s):\n    s('200 OK', [])\n    return [b'']\n"},
        "app:app",
    ),
    "one that passes them on": (
        {"main.py": "def application(env, sr):\n    return framework.handle(env, sr)\n"},
        "main:application",
    ),
    "two parameters under a usual name": ({"app.py": "def app(one, two):\n    return []\n"}, "app:app?"),
    "a method that is called, by any name": (
        {"app.py": "class Shop:\n    def __call__(self, e, s):\n        s('200 OK', [])\nshop = Shop()\n"},
        "app:shop",
    ),
    "plain, by any name": ({"hello.py": WSGI.format(name="greet")}, "hello:greet"),
    "the one that the file serves": (
        {
            "hello.py": WSGI.format(name="one")
            + WSGI.format(name="two")
            + "from wsgiref.simple_server import make_server\nif __name__ == '__main__':\n"
            "    make_server('', 8000, two).serve_forever()\n"
        },
        "hello:two",
    ),
    "a decorator": (
        {"app.py": "from werkzeug.wrappers import Request\n@Request.application\ndef shop(request): ...\n"},
        "app:shop",
    ),
    "dash": ({"app.py": "from dash import Dash\napp = Dash(__name__)\n"}, "app:app.server"),
    "dash with its server": (
        {"app.py": "import dash\nmy = dash.Dash(__name__)\nserver = my.server\n"},
        "app:server",
    ),
    "bottle": ({"app.py": "import bottle\napp = bottle.Bottle()\n"}, "app:app"),
    "falcon": ({"main.py": "import falcon\napi = application = falcon.App()\n"}, "main:application"),
    "pyramid": (
        {
            "app.py": "from pyramid.config import Configurator\nwith Configurator() as config:\n"
            "    config.scan()\n    app = config.make_wsgi_app()\n"
        },
        "app:app",
    ),
    "cherrypy": ({"app.py": "import cherrypy\napplication = cherrypy.Application(Root(), '/')\n"}, "app:application"),
    "web.py": ({"code.py": "import web\napp = web.application(urls, globals())\n"}, "code:app.wsgifunc()"),
    "mod_wsgi": ({"site.wsgi": "import os\n" + FLASK + "application = app\n"}, "site_wsgi:application"),
    "a package app": ({"app/__init__.py": FLASK}, "app:app"),
    "what a package binds hides its module": (
        {"app/__init__.py": FLASK, "app/app.py": "", "run.py": "from app import app\n"},
        "app:app",
    ),
    "its own package, in src": (
        {"pyproject.toml": '[project]\nname = "Corner-Shop"\n', "src/corner_shop/__init__.py": FACTORY},
        "corner_shop:create_app()",
    ),
    "its own package, in a module": (
        {"setup.cfg": "[metadata]\nname = shop\n", "shop/__init__.py": "", "shop/app.py": FLASK},
        "shop.app:app",
    ),
    "its own package, by setup.py": (
        {"setup.py": "from setuptools import setup\nsetup(name='shop')\n", "shop/__init__.py": FACTORY},
        "shop:create_app()",
    ),
    "a Procfile": (
        {
            "Procfile": "release: python x\nweb: gunicorn --workers 2 -b :$PORT shop.site:web --log-file -\n",
            "shop/__init__.py": "",
            "shop/site.py": WSGI.format(name="other") + WSGI.format(name="web"),
        },
        "shop.site:web",
    ),
    "a Procfile's factory": (
        {"Procfile": "web: waitress-serve --call shop.site:make\n", "shop/site.py": "def make(): ...\n"},
        "shop.site:make()",
    ),
    "a script in a sub-folder": ({"backend/server.py": FLASK, "README.md": ""}, "server:app"),
    "far below the root": ({"backend/src/shop/__init__.py": "", "backend/src/shop/web.py": FLASK}, "shop.web:app"),
    "a factory by its signature": ({"app.py": "from elsewhere import build\napp = build()\n"}, "app:app?"),
    "broken now, fixed later": ({"app.py": "from flask import\napp = Flask(__name__)\n"}, "app:?"),
    "pyproject.toml says so": (
        {
            "pyproject.toml": '[tool.appliance]\napp = "shop:site"\n',
            "shop.py": WSGI.format(name="site"),
            "app.py": FLASK,
        },
        "shop:site",
    ),
    "a known constructor before a usual name": (
        {"app.py": "from celery import Celery\napp = Celery()\n", "main.py": FLASK},
        "main:app",
    ),
    "a test's application is none": ({"tests/app.py": FLASK, "web/site.py": WSGI.format(name="site")}, "site:site"),
}


@pytest.mark.parametrize(("files", "expected"), FOUND.values(), ids=FOUND.keys())
def test_each_kind_of_application_is_found(find, files, expected):
    """The application of each kind of project is found, and whether it is a factory is known."""
    target = find(files)
    mark = {"yes": "()", "auto": "?", "no": ""}[target.call]
    assert f"{target.module}:{target.attribute}{mark}" == expected
    assert Path(target.file).is_file()
    assert target.why
    json.dumps(target.as_dict())


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"app.py": FLASK}, ["."]),
        ({"src/shop/__init__.py": FACTORY, "pyproject.toml": '[project]\nname = "shop"\n'}, ["src", "."]),
        ({"backend/app.py": FLASK}, ["backend", "."]),
        ({"shop/__init__.py": "", "shop/web.py": FLASK}, ["."]),
        ({"shop/__init__.py": "", "shop/models.py": "", "shop/web.py": "import models\n" + FLASK}, ["shop", "."]),
        ({"shop/models.py": "", "shop/web.py": "import shop.models\n" + FLASK}, ["."]),
    ],
    ids=["root", "src", "sub-folder", "package", "scripts in a package", "a package without __init__.py"],
)
def test_the_import_root_is_first_on_the_path(find, tmp_path, files, expected):
    """The folder from which the author's imports work comes first on sys.path, and the root after it."""
    assert find(files).search_path == tuple(str((tmp_path / name).resolve()) for name in expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop.web", "shop.web:site"),
        ("shop.web:site", "shop.web:site"),
        ("shop/web.py", "shop.web:site"),
        ("shop/web", "shop.web:site"),
        ("shop.web:make('dev', debug=True)", "shop.web:make()"),
    ],
)
def test_flask_app_is_before_every_other_rule(find, text, expected):
    """FLASK_APP has the same meaning as for the flask command, before every other rule."""
    files = {
        "app.py": FLASK,
        "shop/__init__.py": "",
        "shop/web.py": "import flask\nsite = flask.Flask('x')\ndef make(name, debug): ...\n",
    }
    target = find(files, {"FLASK_APP": text})
    assert f"{target.module}:{target.attribute}{'()' if target.call == 'yes' else ''}" == expected
    if "(" in text:
        assert (target.arguments, target.keywords) == (("dev",), {"debug": True})


def test_a_stale_flask_app_is_passed_over(find, tmp_path):
    """FLASK_APP that names nothing is reported, and the other rules have their turn."""
    assert find({"app.py": FLASK}, {"FLASK_APP": "gone.py"}).module == "app"
    findings = find_application(tmp_path, {"FLASK_APP": "gone.py"}, None).findings
    assert (findings[0].rule, findings[0].outcome) == ("FLASK_APP", "passed over")
    assert findings[-1].outcome == "chosen"


def test_a_usual_name_is_reported_by_its_path_in_the_project(find, tmp_path):
    """A file is named as the other rules name it, not by the path at which the project is mounted."""
    find({"app.py": "app = unknown()\n"})
    assert find_application(tmp_path, {}, None).findings[-1].looked_at == "app.py"


def test_an_unknown_key_of_the_tools_table_is_named(find, tmp_path):
    """A key of [tool.appliance] that nothing reads is named beside those that it has."""
    find({"app.py": FLASK, "pyproject.toml": '[tool.appliance]\napplication = "app:app"\nprocesses = {}\n'})
    found = {each.rule: each.found for each in find_application(tmp_path, {}, None).findings}
    assert found["[tool.appliance] of pyproject.toml"].endswith("app and processes, and not application")


@pytest.mark.parametrize(
    ("files", "kind", "words"),
    [
        ({}, "none", "No WSGI application"),
        ({"count.py": "print(1)\n"}, "none", "No WSGI application"),
        (
            {"main.py": "import fastapi\napp = fastapi.FastAPI()\n"},
            "asgi",
            "main.py: app is an ASGI application (FastAPI)",
        ),
        ({"main.py": "async def app(scope, receive, send): ...\n"}, "asgi", "ASGI"),
        (
            {"main.py": "from starlette.applications import Starlette as S\ndef create_app(): return S()\n"},
            "asgi",
            "ASGI",
        ),
        ({"one.py": FLASK, "two.py": FLASK}, "tie", "one.py:app, two.py:app"),
        ({"hello.py": WSGI.format(name="a") + WSGI.format(name="b")}, "tie", "hello.py:a, hello.py:b"),
        (
            {"app.py": FACTORY.replace("config=None", "config")},
            "arguments",
            "create_app is a factory that needs 1 argument",
        ),
    ],
    ids=["empty", "a script", "FastAPI", "plain ASGI", "a factory of ASGI", "two files", "two names", "arguments"],
)
def test_a_missing_application_says_what_to_do(refuse, files, kind, words):
    """The refusal of a project has its reason and the action."""
    error = refuse(files)
    assert error.details["kind"] == kind
    assert words in error.found


def test_a_tie_names_an_example_that_can_be_set(refuse):
    """The action names an example that can be set: a file that is run has no name after it."""
    runs = "import bottle\nif __name__ == '__main__':\n    bottle.run(app=make())\n"
    assert refuse({"one.py": runs, "two.py": runs}).action == "Set APPLIANCE_APP=one.py, for example."


def test_an_asgi_application_does_not_hide_a_wsgi_one(find):
    """An ASGI application does not hide a WSGI application elsewhere."""
    assert find({"main.py": "import fastapi\napp = fastapi.FastAPI()\n", "admin.py": FLASK}).module == "admin"


def test_nothing_of_the_project_runs(find, tmp_path):
    """Looking runs no code of the project's, and writes nothing."""
    text = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n" + FLASK
    find({"app.py": text, "sitecustomize.py": text, "setup.py": text})
    assert {path.name for path in tmp_path.rglob("*")} == {"app.py", "sitecustomize.py", "setup.py"}


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"app.py": FLASK}, "."),
        ({"vote/app.py": FLASK}, "vote"),
        ({"src/shop/wsgi.py": FLASK}, "src/shop"),
        ({"site/manage.py": MANAGE, "site/shop/settings.py": ""}, "site"),
    ],
)
def test_the_applications_folder_is_its_files_or_that_of_manage_py(find, tmp_path, files, folder):
    """The application's folder, for its dependencies, is its file's, or else that of Django's manage.py."""
    find(files)
    assert find_application(tmp_path, {}, None).folder == tmp_path / folder


def test_circular_imports_of_a_name_end(find):
    """Names that modules import from each other in a circle are followed to no end: the worker finds out."""
    files = {"app.py": "from b import app\n", "b.py": "from c import *\n", "c.py": "from app import app\n"}
    target = find({**files, "d.py": "def create_app(): return create_app()\n"})
    assert (target.module, target.attribute, target.call) == ("app", "app", "auto")


@pytest.mark.parametrize(
    "name", ["plain", "flask_notes", "django_site", "shadowing", "broken_import", "slow_boot", "chatty"]
)
def test_our_own_examples_are_found(name):
    """Each project of tests/apps that is meant to be served is found with nothing set."""
    assert find_application(APPS / name, {}, None).target.file
