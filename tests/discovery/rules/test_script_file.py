"""Files that serve themselves: which are run, which are imported, and which serve something else."""

import pytest

from appliance.discovery.project import find_application

RUN = {
    "bottle without an application": "from bottle import route, run\n@route('/')\ndef i(): ...\nrun(reloader=True)\n",
    "under the guard": "import bottle\nif __name__ == '__main__':\n    bottle.run(port=8080)\n",
    "cherrypy": "import cherrypy\nif __name__ == '__main__':\n    cherrypy.quickstart(object())\n",
    "cherrypy's engine": "import cherrypy\ncherrypy.tree.mount(1)\ncherrypy.engine.start()\ncherrypy.engine.block()\n",
    "web.py": "import web\nif __name__ == '__main__':\n    app = web.application(urls, globals())\n    app.run()\n",
    "made in a function": (
        "from wsgiref.simple_server import make_server\ndef main():\n    app = make()\n"
        "    with make_server('', 1, app) as httpd:\n        httpd.serve_forever()\n"
        "if __name__ == '__main__':\n    raise SystemExit(main())\n"
    ),
    "through sys.exit": (
        "import sys, waitress\ndef main(): waitress.serve(build('x'))\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    ),
    "a method": (
        "from flask import Flask\nclass Web:\n    def run(self, **more):\n        self.app.run(host='0', **more)\n"
        "if __name__ == '__main__':\n    Web().run(debug=True)\n"
    ),
    "a server class of its own": (
        "from gunicorn.app.base import BaseApplication\nclass Own(BaseApplication): ...\n"
        "if __name__ == '__main__':\n    Own(make(), {}).run()\n"
    ),
    "as soon as it is imported": "from flask import Flask\napp = Flask('x')\napp.run(port=81)\n",
    "tables first": (
        "from flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n"
        "    with app.app_context():\n        db.create_all()\n    app.run()\n"
    ),
    "a key first": (
        "from flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n    app.key = 1\n    app.run()\n"
    ),
    "a factory with arguments": (
        "from flask import Flask\ndef create_app(name):\n    app = Flask(name)\n    return app\n"
        "if __name__ == '__main__':\n    create_app('x').run()\n"
    ),
    "socket.io": (
        "from flask import Flask\nimport flask_socketio\napp = Flask('x')\nio = flask_socketio.SocketIO(app)\n"
        "if __name__ == '__main__':\n    load()\n    io.run(app)\n"
    ),
    "tornado's container": (
        "from flask import Flask\nfrom tornado.ioloop import IOLoop\nfrom tornado.wsgi import WSGIContainer\n"
        "app = Flask('x')\nserve(WSGIContainer(app))\nIOLoop.instance().start()\n"
    ),
    "a method that is named for it": (
        "from flask import Flask\nclass Web:\n    def run_application(self):\n        self.web.run(debug=True)\n"
        "web = Web()\nweb.run_application()\n"
    ),
    "a server that an object keeps": (
        "from gevent.pywsgi import WSGIServer\nfrom flask import Flask\nclass Server:\n"
        "    def _start(self):\n        self.server = WSGIServer(('', 1), self.app)\n"
        "        self.server.serve_forever()\n"
        "    def start(self):\n        self._start()\n"
        "server = Server()\ndef main():\n    app = Flask('x')\n    server.start()\n"
        "if __name__ == '__main__':\n    main()\n"
    ),
    "bottle's own application": "import bottle\n@bottle.get('/')\ndef index(): ...\n",
    "hug's own application": "import hug\n@hug.get('/')\ndef index(): ...\n",
    "cherrypy's server": (
        "import cherrypy, time\ndef main():\n    cherrypy.server.start()\n    while not stopped:\n"
        "        time.sleep(1)\nif __name__ == '__main__':\n    main()\n"
    ),
    "cherrypy's tree": "import cherrypy\ncherrypy.tree.mount(object(), '/')\n",
    "a server that is made, then run": (
        "from werkzeug.serving import make_server\nif __name__ == '__main__':\n"
        "    server = make_server('', 1, build())\n    server.serve_forever()\n"
    ),
}


@pytest.mark.parametrize("text", RUN.values(), ids=RUN.keys())
def test_a_file_that_serves_only_when_run_is_run(find, tmp_path, text):
    """A file that makes what it serves only when it is run, is run."""
    target = find({"hello.py": text})
    assert (target.kind, target.name) == ("script", "hello.py")
    assert target.search_path == (str(tmp_path),)
    assert "python hello.py" in target.why


IMPORTED = {
    "serving is all": (
        "from flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n    app.run(debug=True)\n"
    ),
    "a word and a port first": (
        "import os\nfrom flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n"
        "    port = int(os.environ.get('PORT', 5000))\n    print('up')\n    app.run(port=port)\n"
    ),
    "its factory": (
        "from flask import Flask\ndef create_app():\n    app = Flask('x')\n    return app\n"
        "if __name__ == '__main__':\n    app = create_app()\n    app.run()\n"
    ),
    "no server at all": (
        "from flask import Flask\napp = Flask('x')\nif __name__ == '__main__':\n    print(app.url_map)\n"
    ),
}


@pytest.mark.parametrize("text", IMPORTED.values(), ids=IMPORTED.keys())
def test_a_file_that_binds_its_application_is_imported(find, text):
    """A file that binds its application, and needs nothing more to serve it, is imported."""
    assert find({"hello.py": text}).kind == "object"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('x:app')\n", "asgi", "x.py:3 starts uvicorn.run"),
        (
            "from http.server import HTTPServer\nif __name__ == '__main__':\n    HTTPServer(1, 2).serve_forever()\n",
            "other",
            "http.server.HTTPServer.serve_forever, its own kind of server, not WSGI",
        ),
        ("from aiohttp import web\nweb.run_app(make())\n", "other", "aiohttp.web.run_app"),
    ],
)
def test_a_server_of_another_protocol_is_named(refuse, text, kind, words):
    """A file that serves something else than WSGI is named, with the line."""
    error = refuse({"x.py": text})
    assert error.details["kind"] == kind
    assert words in error.found


def test_a_run_py_that_prepares_the_application_is_run(find):
    """A run.py that makes the tables of the application in app/ before it serves it is run, not app/ imported."""
    files = {
        "app/__init__.py": "from flask import Flask\ndef create_app():\n    app = Flask('x')\n    return app\n",
        "run.py": (
            "from app import create_app, db\napp = create_app()\nif __name__ == '__main__':\n"
            "    with app.app_context():\n        db.create_all()\n    app.run()\n"
        ),
    }
    assert find(files).name == "run.py"
    assert find({**files, "run.py": "from app import create_app\ncreate_app().run()\n"}).name == "run.py"
    plain = "from app import create_app\napp = create_app()\nif __name__ == '__main__':\n    app.run()\n"
    assert find({**files, "run.py": plain}).name == "app:create_app()"


SERVES = "from bottle import route, run\n@route('/')\ndef index(): return table\n"


@pytest.mark.parametrize(
    "text",
    [
        f"from db import table\n{SERVES}if __name__ == '__main__':\n    run(port=8080)\n",
        f"from app.db import table\n{SERVES}run(port=8080)\n",
    ],
    ids=["its siblings", "a server when it is imported"],
)
def test_a_script_in_a_folder_with_an_init_py_is_run(find, tmp_path, text):
    """A file that is written as a script is run, though an empty __init__.py makes its folder a package."""
    target = find({"app/__init__.py": "", "app/db.py": "table = 'x'\n", "app/main.py": text})
    assert (target.kind, target.name) == ("script", "app/main.py")
    assert target.search_path == (str(tmp_path / "app"), str(tmp_path))


def test_a_module_of_a_library_is_not_run(find, refuse):
    """A module of a package is run if its ``__main__`` branch serves, but not in a library, which has a name."""
    text = f"from app.db import table\n{SERVES}if __name__ == '__main__':\n    run(port=8080)\n"
    files = {
        "app/__init__.py": "",
        "app/db.py": "table = 'x'\n",
        "app/views/__init__.py": "",
        "app/views/main.py": text,
    }
    assert find(files).name == "app/views/main.py"
    assert refuse({**files, "setup.py": "from setuptools import setup\nsetup(name='app')\n"}).details["kind"] == "none"


def test_a_main_module_with_relative_imports_is_run_as_a_module(find, tmp_path):
    """A package's __main__.py that imports relatively is run as python -m does it."""
    text = "from .web import make\nimport waitress\nif __name__ == '__main__':\n    waitress.serve(make(1))\n"
    target = find({"shop/__init__.py": "", "shop/web.py": "", "shop/__main__.py": text})
    assert (target.kind, target.module, target.search_path) == ("script", "shop", (str(tmp_path),))


def test_a_script_that_completes_an_application_is_run(find):
    """An application without routes, to which a function adds them that a script calls: the script is run."""
    files = {
        "shop/__init__.py": "from flask import Flask\napp = Flask('x')\ndef create_app():\n    return app\n",
        "shop/main.py": (
            "from . import create_app\ndef main():\n    app = create_app()\n"
            "    app.register_blueprint(x)\n    app.run()\n"
        ),
    }
    script = "from shop.main import main\nif __name__ == '__main__':\n    main()\n"
    assert find({**files, "shop.py": script}).name == "shop.py"
    below = {f"src/store/{name}": text for name, text in files.items()}
    adds = "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\n"
    project = "[project]\nname = 'store'\n"
    found = find(
        {**below, "src/store/__init__.py": "", "src/store/__main__.py": adds + script, "pyproject.toml": project}
    )
    assert found.name == "src/store/__main__.py"


def test_a_file_that_is_named_is_run_and_an_object_in_it_served(find):
    """APPLIANCE_APP that names such a file means to run it; one that names an object in it means that object."""
    files = {"a.py": "", "b.py": RUN["tables first"]}
    assert find(files, app="b.py").kind == "script"
    assert find(files, app="b.py:app").kind == "object"


def test_callbacks_are_not_applications(refuse):
    """A function that passes its two arguments on, or calls the second, is not an application by that alone."""
    error = refuse(
        {
            "a.py": "def cipher(key, seed):\n    return make(key, seed)\n",
            "b.py": "def each(items, then):\n    return then(items, 1)\n",
            "c.py": "def host(environ, trusted):\n    return environ['HTTP_HOST'] in trusted\n",
        }
    )
    assert error.details["kind"] == "none"


def test_applications_of_tests_do_not_count(find):
    """An application that a test makes for itself does not compete with the project's."""
    flask = "from flask import Flask\napp = Flask('x')\n"
    assert find({"site.py": flask, "test_site.py": flask, "conftest.py": flask}).module == "site"


def test_a_part_of_a_library_is_not_an_application(refuse):
    """A package that offers WSGI callables for others to use has no application of its own."""
    part = "class Client:\n    def __call__(self, environ, start_response): ...\nsend_app = Client()\n"
    assert refuse({"lib/__init__.py": "", "lib/client.py": part}).details["kind"] == "none"


def test_the_reason_is_among_the_findings(find, tmp_path):
    """``check`` says why a file is run."""
    find({"app.py": RUN["tables first"]})
    chosen = find_application(tmp_path, {}, None).findings[-1]
    assert "makes what app needs" in chosen.found
    assert chosen.outcome == "chosen"


SITE = "from flask import Flask\ndef build(name):\n    return Flask(name)\n"
SERVES = "from shop.site import build\ndef main():\n    build('shop').run(port=8000)\n"


@pytest.mark.parametrize(
    "declared",
    [
        {"pyproject.toml": "[project]\nname = 'shop'\n[project.scripts]\nother = 'shop:x'\nshop = 'shop.cli:main'\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'shop'\n[tool.poetry.scripts]\nshop = 'shop.cli:main'\n"},
        {"setup.cfg": "[options.entry_points]\nconsole_scripts =\n  shop = shop.cli:main\n"},
    ],
)
def test_a_console_script_that_serves_is_called_if_nothing_else_is_found(find, declared):
    """If nothing else is found, the function that a console script calls is called, if it serves."""
    target = find({**declared, "src/shop/__init__.py": "", "src/shop/cli.py": SERVES, "src/shop/site.py": SITE})
    assert (target.kind, target.name) == ("script", "shop.cli:main()")


GROUP = "import click\nfrom shop.site import build\n@click.group()\ndef main():\n    pass\n"
TYPER = "import typer\nfrom shop.site import build\nmain = typer.Typer()\n"
COMMAND = "\n@click.option('--port')\ndef run_web(port):\n    build('shop').run(port=port)\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GROUP + "@main.command()" + COMMAND, ("run-web",)),
        (GROUP + "@main.command('serve')" + COMMAND, ("serve",)),
        (TYPER + "@main.command()\ndef serve(port: int = 1):\n    build('shop').run(port=port)\n", ()),
        (
            TYPER + "@main.command()\ndef add():\n    pass\n"
            "@main.command()\ndef serve():\n    build('shop').run(port=1)\n",
            ("serve",),
        ),
    ],
    ids=["Click", "Click with a name", "Typer with one command", "Typer"],
)
def test_a_command_that_serves_is_called_by_its_name(find, text, words):
    """A console script of commands is called with the name of the one that serves."""
    declared = "[project]\nname = 'shop'\n[project.scripts]\nshop = 'shop.cli:main'\n"
    target = find({"pyproject.toml": declared, "shop/__init__.py": "", "shop/cli.py": text, "shop/site.py": SITE})
    assert (target.kind, target.module, target.attribute, target.call) == ("script", "shop.cli", "main", "yes")
    assert target.arguments == words


def test_a_group_without_a_command_that_serves_is_none(refuse):
    """A console script whose commands serve nothing is not an application."""
    declared = "[project]\nname = 'shop'\n[project.scripts]\nshop = 'shop.cli:main'\n"
    text = GROUP + "@main.command()\ndef add():\n    pass\n"
    assert refuse({"pyproject.toml": declared, "shop/__init__.py": "", "shop/cli.py": text}).details["kind"] == "none"


def test_a_console_script_comes_last(find):
    """An application that is bound somewhere needs no command line."""
    target = find(
        {
            "pyproject.toml": "[project]\nname = 'shop'\n[project.scripts]\nshop = 'shop.cli:main'\n",
            "shop/__init__.py": "",
            "shop/cli.py": SERVES,
            "shop/site.py": SITE + "web = build('shop')\n",
        }
    )
    assert target.name == "shop.site:web"


def test_a_console_script_that_makes_projects_is_not_served(refuse):
    """Mezzanine's own makes a new project by Django's commands, and serves none."""
    declared = "[project]\nname = 'shop'\n[project.scripts]\nshop-project = 'shop.cli:create_project'\n"
    runs = "from django.core.management import execute_from_command_line as run\ndef create_project():\n    run(x)\n"
    error = refuse({"pyproject.toml": declared, "shop/__init__.py": "", "shop/cli.py": runs + "urlpatterns = []\n"})
    assert error.details["kind"] == "none"


MUSIC = "import cherrypy\nif __name__ == '__main__':\n    cherrypy.quickstart(object())\n"


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3\n", "#!/usr/bin/python\n"])
def test_a_script_of_setup_py_is_run_whatever_its_suffix(find, tmp_path, first):
    """A script in scripts= of setup.py is run as a file of Python, whatever its suffix."""
    target = find({"music": first + MUSIC, "LICENSE": "free\n", "setup.sh": "#!/bin/sh\n"})
    assert (target.kind, target.name) == ("script", "music")
    assert target.search_path == (str(tmp_path),)


@pytest.mark.parametrize("first", ["", "#!/bin/sh\n"])
def test_a_file_without_suffix_and_python_is_not_read(refuse, first):
    """Without Python in its first line a file without a suffix is not read."""
    assert "no Python file" in refuse({"music": first + MUSIC}).found


def test_a_command_comes_last(find):
    """An application that is bound somewhere comes before a command in the root."""
    files = {"music": "#!/usr/bin/python\n" + MUSIC, "shop/site.py": SITE + "web = build('shop')\n"}
    assert find(files).name == "site:web"
