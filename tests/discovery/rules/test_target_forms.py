"""APPLIANCE_APP in every form, and the words for one that is wrong."""

import pytest

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("shop", "shop:app"),
        ("shop:app", "shop:app"),
        ("shop.py", "shop:app"),
        ("shop:app.wsgi_app", "shop:app.wsgi_app"),
        ("shop:create()", "shop:create()"),
        ("shop:create", "shop:create?"),
        ("shop:dynamic", None),
        ("src/inner.py:app", "inner:app"),
        ("inner:app", "inner:app"),
        ("site.wsgi:app", "site.wsgi:app"),
        ("wsgiref.simple_server:demo_app", "wsgiref.simple_server:demo_app?"),
    ],
)
def test_each_form_of_appliance_app_counts(find, refuse, app, expected):
    """APPLIANCE_APP in every form is taken at its word."""
    files = {"shop.py": FLASK + "from x import y\ndef create(): return y()\n", "src/inner.py": FLASK, "wsgi.py": FLASK}
    files |= {"site/__init__.py": "", "site/wsgi.py": FLASK}
    if expected is None:
        refuse(files, app=app)
        return
    target = find(files, app=app)
    mark = {"yes": "()", "auto": "?", "no": ""}[target.call]
    assert f"{target.module}:{target.attribute}{mark}" == expected


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("shpo:app", "shop"),
        ("shop:ap", "app"),
        ("shop:", "half"),
        (":app", "half"),
        ("shop:app[0]", "not a name"),
        ("shop:create(x)", "literal"),
        ("shop:create({[]: 1})", "literal"),
        ("shop:create(b'dev')", "is not a text, a number"),
        ("shop:create([{1: 'a'}])", "is not a text, a number"),
        ("shop:create(x={1, 2})", "is not a text, a number"),
        ("shpo.py:app", "shop.py"),
        ("shop:needs", "needs 2 arguments"),
        ("shop:needs('one')", "needs 2 arguments"),
        ("shop:asgi", "ASGI"),
    ],
)
def test_a_wrong_target_is_answered_with_the_nearest_right_one(refuse, app, words):
    """An APPLIANCE_APP that is wrong says what, and the nearest right one."""
    text = (
        FLASK
        + "def create(config=None): ...\ndef needs(a, b): return Flask('x')\nasync def asgi(scope, receive, send): 0\n"
    )
    error = refuse({"shop.py": text, "other.py": ""}, app=app)
    assert words in f"{error.found} {error.expected} {error.action}"
    assert error.exit_code == 6


def test_a_target_may_name_a_module_of_a_dependency(find):
    """A module that is not in the project may come with what it depends on."""
    target = find({"requirements.txt": "moin\n", "shop.py": ""}, app="moin.app:create_app()")
    assert (target.module, target.file, target.call) == ("moin.app", "", "yes")


def test_a_name_that_is_made_at_run_time_is_left_to_the_worker(find):
    """A name that can't be read in the source may be made at run time: the worker finds out."""
    target = find({"shop.py": "globals()['app'] = 1\n"}, app="shop:app")
    assert (target.attribute, target.call) == ("app", "auto")


def test_a_named_file_that_binds_nothing_is_run(find):
    """A file that binds nothing, and does something when it is run, is run: it was named to be served."""
    files = {"shop/start.py": "from far_away import main\nif __name__ == '__main__':\n    main()\n"}
    target = find(files, app="shop/start.py")
    assert (target.kind, target.name) == ("script", "shop/start.py")


PROGRAM = "import click\n@click.command()\ndef cli(path): ...\ncli()\n"


@pytest.mark.parametrize(
    ("app", "name", "call", "words"),
    [
        ("tool.py -- run apps", "tool.py", "no", ("run", "apps")),
        ("tool.py -- --title 'two words' -x", "tool.py", "no", ("--title", "two words", "-x")),
        ("shop.py -- run", "shop.py", "no", ("run",)),
        ("tool:cli -- run apps", "tool:cli()", "yes", ("run", "apps")),
        ("moin.cli:main -- serve", "moin.cli:main()", "yes", ("serve",)),
    ],
)
def test_a_program_is_run_with_its_arguments(find, app, name, call, words):
    """A file or a function before ``--`` is run with the words after it, as its user would run it."""
    target = find({"tool.py": PROGRAM, "shop.py": FLASK, "requirements.txt": "moin\n"}, app=app)
    assert (target.kind, target.name, target.call, target.arguments) == ("script", name, call, words)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("tool -- run", "only a file, or a function without brackets"),
        ("tool:cli() -- run", "only a file, or a function without brackets"),
        ("tool.py -- 'run", "can't be split"),
        ("tol.py -- run", "tool.py"),
        ("tool:clj -- run", "cli"),
    ],
)
def test_a_wrong_program_is_answered_with_a_form_that_is_right(refuse, app, words):
    """A module alone, a factory, an open quote or a name that does not exist can't be run with arguments."""
    error = refuse({"tool.py": PROGRAM}, app=app)
    assert words in f"{error.found} {error.expected} {error.action}"
