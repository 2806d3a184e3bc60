"""Django's projects: the settings that manage.py leads to, and the application that those name."""

import pytest

MANAGE = """#!/usr/bin/env python
import os, sys
if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", {settings})
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
SETTINGS = "INSTALLED_APPS = []\nROOT_URLCONF = 'shop.urls'\n"
APPLICATION = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"


@pytest.mark.parametrize(
    ("files", "settings", "module", "first"),
    [
        (
            {
                "manage.py": MANAGE.format(settings='"shop.settings"'),
                "shop/settings.py": SETTINGS + "WSGI_APPLICATION = 'shop.wsgi.application'\n",
                "shop/wsgi.py": APPLICATION,
            },
            "shop.settings",
            "shop.wsgi",
            ".",
        ),
        (
            {
                "site/manage.py": MANAGE.format(settings='os.environ.get("WHICH", "conf.settings.dev")'),
                "site/conf/settings/dev.py": "from .base import *\n",
                "site/conf/settings/base.py": SETTINGS + "WSGI_APPLICATION = 'conf.wsgi.application'\n",
                "site/conf/wsgi.py": APPLICATION,
            },
            "conf.settings.dev",
            "conf.wsgi",
            "site",
        ),
        (
            {
                "manage.py": "from django.core.management import execute_from_command_line\n",
                "config/settings/__init__.py": "",
                "config/settings/production.py": SETTINGS,
                "config/settings/base.py": SETTINGS,
                "config/settings/local.py": "from .base import *\n",
            },
            "config.settings.local",
            "",
            ".",
        ),
        (
            {
                "manage.py": MANAGE.format(settings='config("DJANGO_SETTINGS_MODULE")'),
                "shop/settings.py": SETTINGS,
            },
            "shop.settings",
            "",
            ".",
        ),
        (
            {"manage.py": MANAGE.format(settings="'settings'") + "def (:\n", "settings.py": SETTINGS},
            "settings",
            "",
            ".",
        ),
    ],
    ids=["the usual layout", "a package of settings in a sub-folder", "no default", "read from a file", "broken now"],
)
def test_manage_py_leads_to_the_application(find, tmp_path, files, settings, module, first):
    """A manage.py leads to the settings, and those to the WSGI application, or to Django's own."""
    target = find(files)
    assert target.kind == "django"
    assert target.environ == {"DJANGO_SETTINGS_MODULE": settings}
    assert target.module == module
    assert target.attribute == "application"
    assert target.search_path[0] == str((tmp_path / first).resolve())


def test_djangos_settings_are_the_environments(find):
    """DJANGO_SETTINGS_MODULE that is set is followed, and not set again."""
    files = {
        "manage.py": MANAGE.format(settings='"shop.settings"'),
        "shop/settings.py": SETTINGS,
        "shop/other.py": SETTINGS + "WSGI_APPLICATION = 'shop.wsgi.app'\n",
        "shop/wsgi.py": APPLICATION,
    }
    target = find(files, {"DJANGO_SETTINGS_MODULE": "shop.other"})
    assert (target.module, target.attribute, target.environ) == ("shop.wsgi", "app", {})


def test_django_is_recognised_without_a_manage_py(find):
    """Django's own wsgi.py, which names its settings, is recognised as a whole Django project."""
    wsgi = 'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"\n' + APPLICATION
    target = find({"shop/wsgi.py": wsgi, "shop/__init__.py": "", "shop/settings.py": SETTINGS})
    assert (target.kind, target.module) == ("django", "shop.wsgi")
    assert target.environ == {"DJANGO_SETTINGS_MODULE": "shop.settings"}


def test_a_manage_py_that_is_not_djangos_is_left_out(find):
    """Not every manage.py is Django's."""
    files = {
        "manage.py": "from flask_script import Manager\nfrom app import app\nManager(app).run()\n",
        "app.py": "import flask\napp = flask.Flask(__name__)\n",
    }
    assert find(files).module == "app"


RUNS = MANAGE.format(settings='"shop.settings"')


@pytest.mark.parametrize("name", ["shop/__main__.py", "shop/cli.py", "src/shop/__main__.py", "control.py"])
def test_any_file_that_runs_djangos_commands_tells_the_settings(find, tmp_path, name):
    """A file that runs Django's commands tells the settings as a manage.py does, wherever it is."""
    package = "src/shop" if name.startswith("src/") else "shop"
    files = {f"{package}/__init__.py": "", f"{package}/settings.py": "from .base import *\n", name: RUNS}
    target = find(files)
    assert (target.kind, target.name) == ("django", "shop.settings")
    assert target.search_path[0] == str((tmp_path / package).parent)


def test_settings_with_urls_are_a_project(find, tmp_path):
    """Settings whose URLs are there are a project, the development's first."""
    files = {
        "shop/__init__.py": "",
        "shop/urls.py": "urlpatterns = []\n",
        "shop/settings/__init__.py": "",
        "shop/settings/base.py": SETTINGS,
        "shop/settings/production.py": "from .base import *\n",
        "shop/settings/dev.py": "from .base import *\n",
    }
    target = find(files)
    assert (target.kind, target.name) == ("django", "shop.settings.dev")
    assert target.search_path == (str(tmp_path),)


def test_a_librarys_test_settings_are_not_a_project(refuse):
    """A library's settings for its tests are not a project, nor are those whose URLs are elsewhere."""
    refuse({"lib/__init__.py": "", "lib/settings.py": "ROOT_URLCONF = 'other.urls'\n", "runtests.py": RUNS})
    configured = "from django.conf import settings\nsettings.configure(ROOT_URLCONF='lib.urls')\n"
    commands = "import sys\nfrom django.core.management import execute_from_command_line\n"
    tests = f"{commands}{configured}execute_from_command_line([sys.argv[0], 'test'])\n"
    refuse({"lib/settings.py": "PAGES = 1\n", "runtests.py": tests})


@pytest.mark.parametrize("name", ["pages.py", "manage.py", "app.py"])
def test_a_django_file_with_its_own_settings_is_run(find, name):
    """A file with settings and URLs of its own is run, whatever its name; one with an application is imported."""
    text = (
        "import sys\nfrom django.conf import settings\nsettings.configure(ROOT_URLCONF=__name__)\nurlpatterns = []\n"
        "if __name__ == '__main__':\n    from django.core.management import execute_from_command_line\n"
        "    execute_from_command_line(sys.argv)\n"
    )
    target = find({name: text})
    assert (target.kind, target.name, target.framework) == ("script", name, "Django")
    with_one = text.replace("if __name__", f"{APPLICATION}if __name__")
    assert find({name: with_one}).name == f"{name.removesuffix('.py')}:application"


PACKAGE = {
    "shop/__init__.py": "",
    "shop/urls.py": "",
    "shop/settings/__init__.py": "",
    "shop/settings/base.py": SETTINGS,
    **dict.fromkeys((f"shop/settings/{name}.py" for name in ("dev", "production", "test")), "from .base import *\n"),
}
NAMED = {
    "a condition": "'shop.settings.production' if 'WEBSITE_HOSTNAME' in os.environ else 'shop.settings.dev'",
    "the other way around": "'shop.settings.dev' if os.environ.get('DEBUG') else 'shop.settings.production'",
    "a condition for tests": "'shop.settings.test' if 'test' in sys.argv else 'shop.settings.dev'",
    "or": "os.environ.get('SHOP_SETTINGS') or 'shop.settings.dev'",
    "a sum": "'shop.settings.' + os.environ.get('ENV', 'dev')",
    "a format": "'shop.settings.{}'.format(os.environ.get('ENV', 'dev'))",
    "a percent sign": "'shop.settings.%s' % os.getenv('ENV', 'dev')",
    "an f-string": 'f\'shop.settings.{os.environ.get("ENV", "dev")}\'',
    "a default by name": "config('DJANGO_SETTINGS_MODULE', default='shop.settings.dev')",
    "str": "str('shop.settings.dev')",
    "what can't be seen": "choose()",
}


@pytest.mark.parametrize("text", NAMED.values(), ids=NAMED.keys())
def test_an_expression_for_the_settings_means_those_for_development(find, text):
    """If manage.py sets the settings by an expression, it means those for development that exist."""
    assert find({**PACKAGE, "manage.py": MANAGE.format(settings=text)}).name == "shop.settings.dev"


def test_an_empty_package_of_settings_means_those_for_development(find):
    """If manage.py names a package of settings that has none itself, the settings for development in it are meant."""
    manage = MANAGE.format(settings="'shop.settings'")
    empty = {**PACKAGE, "shop/settings/__init__.py": "# one module for each place\n", "manage.py": manage}
    assert find(empty).name == "shop.settings.dev"
    some = "import os\nif os.environ.get('LIVE'):\n    from .production import *\nelse:\n    from .base import *\n"
    assert find({**empty, "shop/settings/__init__.py": some}).name == "shop.settings"


def test_an_expression_asks_the_environment(find):
    """A variable that manage.py asks for has the value of the project's environment."""
    files = {**PACKAGE, "manage.py": MANAGE.format(settings=NAMED["a sum"])}
    assert find(files, {"ENV": "production"}).name == "shop.settings.production"


@pytest.mark.parametrize("test", ["'test' in sys.argv", "len(sys.argv) > 1 and sys.argv[1] == 'test'"])
def test_settings_for_tests_are_passed_over(find, test):
    """A branch for tests says nothing of what is served."""
    setting = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.{}')"
    branches = f"import os, sys, django\nif {test}:\n    {setting.format('test')}\nelse:\n    {setting.format('dev')}\n"
    assert find({**PACKAGE, "manage.py": branches}).name == "shop.settings.dev"
    bound = f"import os, sys, django\nname = 'shop.settings.dev'\nif {test}:\n    name = 'shop.settings.test'\n"
    assert find({"manage.py": f"{bound}os.environ.setdefault('DJANGO_SETTINGS_MODULE', name)"}).name.endswith("dev")


def test_a_manage_py_within_its_package_is_run_from_above(find, tmp_path):
    """A manage.py beside the settings that it names by their package is run from the folder above."""
    named = "import os, django\nos.environ[str('DJANGO_SETTINGS_MODULE')] = str('shop.settings')\n"
    target = find({"shop/manage.py": named, "shop/__init__.py": "", "shop/settings.py": SETTINGS})
    assert target.name == "shop.settings"
    assert target.search_path[0] == str(tmp_path)


def test_the_class_of_the_settings_comes_from_manage_py(find):
    """django-configurations' class comes from manage.py, as the settings do; one that is set stays."""
    classes = MANAGE.format(settings="'shop.settings'").replace(
        "    from", "    os.environ.setdefault('DJANGO_CONFIGURATION', 'Development')\n    from"
    )
    files = {"manage.py": classes, "shop/settings.py": "from configurations import Configuration\n"}
    assert find(files).environ["DJANGO_CONFIGURATION"] == "Development"
    assert "DJANGO_CONFIGURATION" not in find(files, {"DJANGO_CONFIGURATION": "Mine"}).environ
