"""A file that starts the project elsewhere names its application: a Procfile, a Dockerfile, a server's own file."""

import pytest

SITE = {
    "shop/__init__.py": "",
    "shop/site.py": "import flask\nweb = flask.Flask('a')\nother = flask.Flask('b')\ndef make(): return web\n",
}
GO = "import flask, bottle\na = flask.Flask('a')\nb = flask.Flask('b')\nif __name__ == '__main__':\n    bottle.run(a)\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Procfile": "release: x\nweb: gunicorn -w 2 -b :$PORT shop.site:web --log-file -\n"}, "shop.site:web"),
        ({"Procfile": "web: waitress-serve --call shop.site:make\n"}, "shop.site:make()"),
        ({"Dockerfile": 'CMD ["gunicorn", "--bind", "0.0.0.0:80", "shop.site:web"]\n'}, "shop.site:web"),
        ({"Dockerfile": "CMD exec gunicorn --bind :$PORT \\\n  --workers 1 shop.site:other\n"}, "shop.site:other"),
        ({"Dockerfile": "ENV FLASK_APP=shop.site:other\nCMD flask run\n"}, "shop.site:other"),
        ({"Dockerfile": 'CMD ["python", "-u", "go.py"]\n', "go.py": GO}, "go:a"),
        ({"gunicorn.conf.py": "wsgi_app = 'shop.site:web'\n"}, "shop.site:web"),
        ({"uwsgi.ini": "[uwsgi]\nmodule = shop.site:other\n"}, "shop.site:other"),
        ({"uwsgi.ini": "[uwsgi]\nwsgi-file = shop/site.py\ncallable = web\n"}, "shop.site:web"),
        ({"uwsgi.ini": "[uwsgi]\nchdir = %d/shop\nmodule = site\ncallable = web\n"}, "shop.site:web"),
        ({"gunicorn.conf.py": "chdir = '/srv/shop'\nwsgi_app = 'site:web'\n"}, "shop.site:web"),
        ({"docker-compose.yaml": "    command: gunicorn shop.site:web\n"}, "shop.site:web"),
        ({"compose.yml": "  command:\n   - gunicorn\n   - -w\n   - '2'\n   - shop.site:web\n"}, "shop.site:web"),
        ({"start.sh": "gunicorn --bind unix:app.sock -m 007 shop.site:web\n"}, "shop.site:web"),
        ({"Dockerfile": 'CMD ["gunicorn", "-c", "python:shop.gunicorn", "shop.site:web"]\n'}, "shop.site:web"),
        ({"render.yaml": "services:\n  - startCommand: gunicorn shop.site:web\n"}, "shop.site:web"),
        ({"fly.toml": '[processes]\napp = "gunicorn shop.site:web"\n'}, "shop.site:web"),
        ({"app.yaml": "entrypoint: gunicorn -b :$PORT shop.site:web\n"}, "shop.site:web"),
        ({"start.sh": "#!/bin/sh\nflask db upgrade && exec gunicorn shop.site:web\n"}, "shop.site:web"),
        ({"Makefile": "run:\n\tflask --app shop.site:other run --debug\n"}, "shop.site:other"),
        ({"zappa_settings.json": '{"dev": {"app_function": "shop.site.web"}}'}, "shop.site:web"),
        ({"Procfile": "web: gunicorn --chdir shop site:web\n"}, "shop.site:web"),
        ({"Procfile": "web: gunicorn --pythonpath=shop site:web\n"}, "shop.site:web"),
        ({"Procfile": "web: cd shop && python -m gunicorn site:web\n"}, "shop.site:web"),
        ({"Dockerfile": "WORKDIR /srv/shop\nCOPY . .\nCMD gunicorn site:web\n"}, "shop.site:web"),
        ({"compose.yaml": "    working_dir: /srv/shop\n    command: flask --app site:web run\n"}, "shop.site:web"),
        ({"Procfile": "web: python -m waitress --call shop.site:make\n"}, "shop.site:make()"),
        ({"start.sh": "python3 -u -m shop.go\n", "shop/go.py": GO}, "shop.go:a"),
        ({"Dockerfile": "CMD uwsgi --http :80 --wsgi-file shop/site.py --callable web\n"}, "shop.site:web"),
        ({"Procfile": "web: uwsgi --http=:80 --module=shop.site:other\n"}, "shop.site:other"),
        ({"Dockerfile": "CMD uwsgi -w shop.site --callable web\n"}, "shop.site:web"),
        ({"Dockerfile": "COPY shop /srv/app/shop\nENV FLASK_APP=/srv/app/shop/site.py:web\n"}, "shop.site:web"),
        ({"Procfile": "web: gunicorn gone:app\n", "Dockerfile": "CMD gunicorn shop.site:web\n"}, "shop.site:web"),
    ],
)
def test_a_deployment_file_breaks_a_tie(find, files, expected):
    """If two applications tie, the one that a deployment file starts is chosen."""
    assert find({**SITE, **files}).name == expected


def test_an_examples_manage_py_that_a_makefile_starts_is_found(find):
    """A library's Makefile starts its example's manage.py: a folder that is else left out."""
    files = {
        "Makefile": "example:\n\tpython example/manage.py runserver\n",
        "example/manage.py": "import os, django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'example.settings')\n",
        "example/settings.py": "INSTALLED_APPS = []\n",
    }
    target = find(files)
    assert (target.kind, target.name) == ("django", "example.settings")


def test_a_script_that_serves_nothing_is_left_out(find):
    """A script that makes the documentation is left out, though a Makefile starts it too."""
    files = {
        "Makefile": "docs:\n\tpython make_docs.py\n",
        "make_docs.py": "import sys\nif __name__ == '__main__':\n    sys.exit(print('made'))\n",
        "shop.py": "import flask\nshop = flask.Flask('shop')\n",
    }
    assert find(files).name == "shop:shop"


def test_a_runner_of_tests_is_left_out(find):
    """A file that imports the application to test it does not serve it, though a Makefile starts that file."""
    files = {
        "Makefile": "check:\n\tcd web && python checks/runner.py\n",
        "web/checks/runner.py": "import unittest\nfrom shop import app\nclient = app.test_client()\n",
        "web/shop.py": "import flask\napp = flask.Flask('shop')\n",
    }
    assert find(files).name == "shop:app"


def test_the_reason_names_the_file_that_decided(find):
    """The reason says which file names the application."""
    assert find({**SITE, "Procfile": "web: gunicorn shop.site:web\n"}).why == "Procfile names shop.site:web."


def test_a_command_without_an_application_names_none(refuse):
    """A command of manage.py or a comment names none; what a file names that is not there is among the findings."""
    error = refuse(
        {
            **SITE,
            "Dockerfile": "# gunicorn shop.site:web\nCMD python manage.py runserver\n",
            "Procfile": "web: gunicorn gone:x\n",
        }
    )
    assert error.details["kind"] == "tie"
    assert any(
        "gone" in finding["found"] and finding["outcome"] == "passed over" for finding in error.details["findings"]
    )


@pytest.mark.parametrize(
    "place", ["/usr/local/lib/python3.9/site-packages/main/go.py", "/srv/main/go.py", "/opt/app/src/main/go.py"]
)
def test_a_path_of_a_dockerfile_is_found_in_the_project(find, place):
    """The installed path in a Dockerfile is found at its place in the project, in src/ too."""
    files = {"src/main/go.py": GO, "src/main/other.py": GO, "Dockerfile": f"CMD python {place}\n"}
    assert find(files).file.endswith("src/main/go.py")


@pytest.mark.parametrize(
    "line",
    ["\tgunicorn --paste conf/x.ini -b :80\n", "\tpserve conf/x.ini --reload\n", "\tgunicorn --paste=conf/x.ini\n"],
)
def test_a_server_that_is_given_an_ini_file_serves_its_application(find, line):
    """A server that is given an ini file serves what that names."""
    files = {**SITE, "conf/x.ini": "[app:main]\nuse = egg:shop\n", "conf/a.ini": "[app:main]\nuse = egg:shop\n"}
    assert find({**files, "Makefile": f"run:\n{line}", "app.py": ""}).kind == "paste"


HUG = "import hug\n@hug.get()\ndef hello(): return 1\n"


@pytest.mark.parametrize(
    ("files", "app", "name"),
    [
        ({"api.py": HUG}, "api:__hug_wsgi__", "api:__hug_wsgi__"),
        ({"shop/__init__.py": "", "shop/api.py": HUG}, None, "shop.api:__hug_wsgi__"),
        (
            {"shop/__init__.py": "", "shop/api.py": HUG, "Procfile": "web: gunicorn shop.api:__hug_wsgi__"},
            None,
            "shop.api:__hug_wsgi__",
        ),
        ({"api.py": HUG}, None, "api.py"),
    ],
)
def test_a_name_that_the_framework_sets_can_be_named(find, files, app, name):
    """A name that hug sets in a module at its import can be named, and is found."""
    assert find(files, app=app).name == name


PECAN = 'server = {"port": 80}\napp = {"root": "shop.root.Root", "modules": ["shop"]}\n'


@pytest.mark.parametrize("place", ["config.py", "conf/config.py", "development.py"])
def test_pecans_configuration_makes_the_application(find, tmp_path, place):
    """An application that is made from a configuration file is made so; another config.py is none."""
    target = find({"shop/__init__.py": "", "shop/app.py": "def setup_app(config): ...\n", place: PECAN})
    assert (target.module, target.attribute, target.call) == ("pecan.deploy", "deploy", "yes")
    assert target.arguments == (str(tmp_path / place),)
    assert (
        find({place: "app = {'debug': True}\n", "wsgi.py": "import flask\napp = flask.Flask('x')\n"}).name == "wsgi:app"
    )


def test_a_script_that_imports_from_its_folder_gets_it_on_the_path(find, tmp_path):
    """A package's module that imports from a folder beside it is a script: its own folder goes on the path."""
    files = {"app/__init__.py": "", "app/main.py": "import flask\nfrom parts.nav import x\napp = flask.Flask('x')\n"}
    target = find({**files, "app/parts/nav.py": "x = 1\n"})
    assert target.search_path[0] == str(tmp_path / "app")
