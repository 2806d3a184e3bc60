"""A folder without an application: what it holds is named."""

import subprocess
import sys

import pytest

from appliance.discovery.project import find_application
from appliance.discovery.source import source

LIBRARY = {"lib/__init__.py": "def add(): ...", "pyproject.toml": '[project]\nname = "lib"\n'}
RPC = "from xmlrpc.server import SimpleXMLRPCServer\nSimpleXMLRPCServer(('', 80)).serve_forever()\n"
PRINT = 'print "old"\n'


@pytest.mark.parametrize(
    ("files", "found", "action"),
    [
        ({}, "The folder is empty", "Mount your project"),
        ({".git/config": ""}, "The folder is empty", "Mount your project"),
        ({"a.ipynb": "", "data.csv": ""}, "The folder has notebooks (a.ipynb) and no Python file", "Write an app.py"),
        ({"index.js": "", "package.json": ""}, "no Python file, but .js, .json", "sub-folder"),
        (
            {"page.py": "import streamlit as st\nst.title('x')\n"},
            "It is made with Streamlit",
            "Streamlit's own command",
        ),
        (
            {"lib/__init__.py": "def add(): ...", "pyproject.toml": '[project]\nname = "lib"\n'},
            "lib is a package without an application, perhaps a library",
            "APPLIANCE_APP",
        ),
        (
            {f"{name}.py": "" for name in "abcde"},
            "Searched 5 Python files: a.py, b.py, c.py, d.py and 1 more",
            "APPLIANCE_APP",
        ),
        (
            {"hello.py": "def greet(environ, start_response):\n    return []\n\ndef (\n"},
            "hello.py can't be parsed (invalid syntax, line 4), and no other file binds an application",
            "Fix it",
        ),
        (
            {**LIBRARY, "bin/migrate.py": PRINT, "examples/quick/app.py": "import flask\napp = flask.Flask('x')\n"},
            "lib is a package without an application, perhaps a library; bin/migrate.py can't be parsed (Missing",
            "APPLIANCE_PROJECT=examples/quick",
        ),
        (
            {**LIBRARY, "examples/rpc/server.py": RPC, "examples/todo.py": "import flask\nsite = flask.Flask('x')\n"},
            "lib is a package without an application",
            "It has examples: APPLIANCE_APP=examples/todo.py is one.",
        ),
        ({**LIBRARY, "examples/rpc/server.py": RPC}, "lib is a package without an application", "Set APPLIANCE_APP"),
        ({**LIBRARY, "lib/deep/old.py": PRINT}, "perhaps a library; lib/deep/old.py can't be parsed", "APPLIANCE_APP"),
        (
            {**LIBRARY, "bin/old.py": "import flask\n" + PRINT},
            "; bin/old.py can't be parsed",
            "APPLIANCE_APP",
        ),
        ({**LIBRARY, "lib/shop.py": PRINT}, "lib/shop.py can't be parsed", "Fix it"),
        ({"old.py": PRINT}, "Searched 1 Python file: old.py; old.py can't be parsed", "APPLIANCE_APP"),
        (
            {"prices.py": "", "tests/__init__.py": "", "tests/site.py": "import flask\napp = flask.Flask('x')\n"},
            "Searched 3 Python files: only tests/site.py, which is among the tests, binds one",
            "APPLIANCE_APP=tests.site:app",
        ),
        (
            {
                "tool.py": "",
                "kit/__init__.py": "def tree(environ, start_response):\n  start_response('200 OK', [])\n  return []\n",
            },
            "Searched 2 Python files: only kit/__init__.py, which looks like a part of a library, binds one",
            "APPLIANCE_APP=kit:tree",
        ),
        ({"old.py": PRINT, "web/shop.py": "from flask import x\n" + PRINT}, "web/shop.py can't be parsed", "Fix it"),
    ],
    ids=[
        "empty",
        "empty but for git",
        "notebooks",
        "another language",
        "Streamlit",
        "a library",
        "scripts",
        "broken",
        "broken in bin, and an example",
        "examples in files",
        "examples of another protocol",
        "broken deep in a library",
        "broken in bin, of a framework",
        "broken in the package",
        "broken, of no framework",
        "among tests",
        "a part of a library",
        "broken, of a framework",
    ],
)
def test_a_folder_without_an_application_is_described(refuse, files, found, action):
    """The one message says what was found in the folder, and what to do about just that."""
    error = refuse(files)
    assert found in error.found
    assert action in error.action


MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{{ project_name }}.settings')\n"


@pytest.mark.parametrize(
    ("files", "found", "action"),
    [
        (
            {"cookiecutter.json": "{}", "{{cookiecutter.slug}}/app.py": "x = 1\n"},
            "cookiecutter",
            "uvx cookiecutter .",
        ),
        ({"copier.yml": "", "src/app.py.jinja": ""}, "Copier", "uvx copier copy . mysite"),
        ({"site/manage.py": MANAGE}, "site/manage.py is a template", "startproject --template ./site mysite"),
    ],
)
def test_a_template_of_projects_is_named_as_such(refuse, files, found, action):
    """A template for new projects is named as such, with the command that makes one."""
    error = refuse(files)
    assert found in error.found
    assert error.action.endswith(action)


def test_a_project_that_the_named_command_makes_is_found(refuse, tmp_path):
    """The command that is named makes a project of Django's template, which is found."""
    manage = MANAGE + "if __name__ == '__main__':\n    from django.core.management import execute_from_command_line\n"
    settings = "ROOT_URLCONF = '{{ project_name }}.urls'\n"
    files = {"manage.py": manage, "project_name/settings.py": settings, "project_name/urls.py": "urlpatterns = []\n"}
    action = refuse({f"template/{name}": text for name, text in files.items()} | {"template/x.txt": ""}).action
    command = action.partition("mount that: ")[2]
    subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={"PATH": f"{sys.prefix}/bin:/usr/bin:/bin"},
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert find_application(tmp_path / "mysite", {}, None).target.name == "mysite.settings"


def test_a_file_is_parsed_once(refuse, monkeypatch):
    """However many rules look at a file before its folder is described, it is parsed only once."""
    parsed = []
    real = source.parse

    def parse(data):
        parsed.append(data)
        return real(data)

    monkeypatch.setattr(source, "parse", parse)
    files = {f"{name}.py": f"import {name}_of_a_package\n" for name in "abc"}
    refuse(files)
    assert len(parsed) == len(set(parsed)) == len(files)
