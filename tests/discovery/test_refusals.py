"""An object that answers requests without being a WSGI application is named, with a reason."""

import pytest

MAKE = "import tornado.web\ndef make_app():\n    return tornado.web.Application([])\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"main.py": "from aiohttp import web\napp = web.Application()\n"}, "app is made for aiohttp's own server"),
        (
            {"main.py": "from aiohttp import web\nasync def f():\n    return web.Application()\napp = f()\n"},
            "aiohttp",
        ),
        ({"app.py": MAKE}, "make_app is made for Tornado's own server, not WSGI"),
        (
            {
                "setup.py": "from setuptools import setup\nsetup(name='flower')\n",
                "flower/__init__.py": "",
                "flower/app.py": "import tornado.web\nclass Flower(tornado.web.Application): ...\n",
            },
            "flower/app.py: Flower is made for Tornado's own server, not WSGI",
        ),
        ({"app.py": "from chalice import Chalice\napp = Chalice(app_name='shop')\n"}, "Chalice's own server, not WSGI"),
        ({"app.py": "from robyn import Robyn\napp = Robyn(__file__)\n"}, "Robyn's own server, not WSGI"),
        ({"app.py": "from emmett import App\napp = App(__name__)\n"}, "app is an ASGI application (Emmett)"),
        (
            {"main.py": "import fastapi, flask\napp = fastapi.FastAPI()\nold = flask.Flask('x')\napp.mount(old)\n"},
            "app is an ASGI application (FastAPI)",
        ),
        (
            {"examples/auth/app.py": "import flask\napp = flask.Flask('x')\n", "shop/__init__.py": ""},
            "APPLIANCE_PROJECT=examples/auth",
        ),
        ({"app.py": "import panel as pn\npn.panel(1).servable()\n"}, "It is made with Panel, which has its own server"),
        (
            {"server.py": "from xmlrpc.server import SimpleXMLRPCServer as S\nS(('', 8000)).serve_forever()\n"},
            "its own kind of server, not WSGI",
        ),
    ],
)
def test_a_framework_with_its_own_server_is_refused_by_name(refuse, files, words):
    """A framework with a server of its own is refused by its name, and not tried as something that may be one."""
    error = refuse(files)
    assert words in f"{error} {error.action}"


def test_a_refused_file_does_not_hide_an_application(find):
    """A refused file does not hide an application in another file."""
    files = {"app.py": MAKE, "shop.py": "import flask\nshop = flask.Flask('shop')\n"}
    assert find(files).name == "shop:shop"


def test_a_class_does_not_end_the_search(find):
    """A class of Tornado's near the root does not hide an application further below."""
    chat = "import tornado.web\nclass Chat(tornado.web.Application): ...\n"
    files = {"chat.py": chat, "a/b/c/site.py": "import flask\nshop = flask.Flask('shop')\n"}
    assert find(files).name == "site:shop"
