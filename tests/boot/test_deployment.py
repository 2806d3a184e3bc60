"""What starts the project elsewhere names its application: a Procfile, a Dockerfile, a server's own file."""

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
        ({"Procfile": "web: gunicorn gone:app\n", "Dockerfile": "CMD gunicorn shop.site:web\n"}, "shop.site:web"),
    ],
)
def test_named_elsewhere(find, files, expected):
    """Of two applications that tie, the one that is started elsewhere is meant."""
    assert find({**SITE, **files}).name == expected


def test_manage_of_an_example(find):
    """A library's Makefile starts its example's manage.py: a folder that is else left out."""
    files = {
        "Makefile": "example:\n\tpython example/manage.py runserver\n",
        "example/manage.py": "import os, django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'example.settings')\n",
        "example/settings.py": "INSTALLED_APPS = []\n",
    }
    target = find(files)
    assert (target.kind, target.name) == ("django", "example.settings")


def test_a_script_that_serves_nothing(find):
    """What makes the documentation is started by a Makefile too."""
    files = {
        "Makefile": "docs:\n\tpython make_docs.py\n",
        "make_docs.py": "import sys\nif __name__ == '__main__':\n    sys.exit(print('made'))\n",
        "shop.py": "import flask\nshop = flask.Flask('shop')\n",
    }
    assert find(files).name == "shop:shop"


def test_nothing_named(refuse):
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
