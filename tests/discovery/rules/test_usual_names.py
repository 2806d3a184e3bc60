"""A usual name of which nothing else is known: when it counts as an application, and when as part of a library."""

import pytest

PROCFILE = "web: gunicorn wag.core.api:app"
UNKNOWN = "from elsewhere import build\napp = build()\n"
OWN = {"setup.py": "from setuptools import setup\nsetup(name='wag')\n", "wag/__init__.py": ""}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"app.py": UNKNOWN}, "app:app"),
        ({"src/app.py": UNKNOWN}, "app:app"),
        ({"backend/app.py": UNKNOWN}, "app:app"),
        ({**OWN, "wag/app.py": UNKNOWN}, "wag.app:app"),
        ({**OWN, "wag/wsgi/__init__.py": "", "wag/wsgi/api.py": UNKNOWN}, "wag.wsgi.api:app"),
        (
            {
                **OWN,
                "wag/core/__init__.py": "",
                "wag/core/api.py": UNKNOWN,
                "Procfile": PROCFILE,
            },
            "wag.core.api:app",
        ),
        ({"shop/__init__.py": "", "shop/web/__init__.py": "", "shop/web/main.py": UNKNOWN}, "shop.web.main:app"),
    ],
    ids=["root", "src", "scripts", "top of the package", "a package wsgi", "a Procfile", "no library"],
)
def test_a_usual_name_near_the_root_is_chosen(find, files, expected):
    """A usual name near the root is taken, and one that a Procfile names, for the worker to decide."""
    assert find(files).name == expected


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {
                **OWN,
                "wag/core/__init__.py": "",
                "wag/core/application.py": "def get_app():\n    return X.__subclasses__()[0]\n",
                "wag/core/api.py": "from wag.core import application\napp = application.get_app()\n",
            },
            "wag is a package without an application",
        ),
        (
            {**OWN, "wag/api.py": "from ninja import NinjaAPI\napi = NinjaAPI()\n"},
            "wag is a package without an application",
        ),
        (
            {**OWN, "wag/api.py": "import fastapi\napi = fastapi.APIRouter()\n"},
            "wag is a package without an application",
        ),
        ({"app.py": "def build():\n    print('built')\napp = build()\n"}, "Searched 1 Python file: app.py"),
        ({"app.py": "def build():\n    return 'built'\napp = build()\n"}, "Searched 1 Python file: app.py"),
    ],
    ids=["deep in a library", "Django Ninja", "a router", "a function without a result", "a function of a text"],
)
def test_a_usual_name_deep_in_a_package_is_not_chosen(refuse, files, words):
    """A usual name is not taken deep in a package, nor where its value is seen to be something else."""
    assert words in refuse(files).found
