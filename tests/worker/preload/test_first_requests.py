"""The work of a Django site's first requests is done before they come, without any module of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SETTINGS = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_of_shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                  "django.contrib.messages", "shop"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {"context_processors": ["django.template.context_processors.request", *CONTEXT]}}]
"""
URLS = """
from django.shortcuts import render
from django.urls import path

def page(request):
    return render(request, "page.html")

urlpatterns = [path("", page, name="home")]
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ["DJANGO_SETTINGS_MODULE"] = "site_of_shop.settings"
served = get_wsgi_application()
"""
# Prepares the application, requests a page, and prints the modules before, between and after, the answer, and what is
# kept from the preparation: folders that were listed, the resolvers of namespaces, the templates of forms.
PROGRAM = """
import json, sys, wsgiref.util
root, repository, *preloaded = sys.argv[1:]
sys.path.insert(0, repository)
from appliance.worker.preload.first_requests import prepare_first_requests
from appliance.worker.preload.warming import warm
sys.path[0] = root
from site_of_shop.wsgi import application
from django.forms.renderers import get_default_renderer
from django.urls import resolvers
list(map(__import__, preloaded))
warm(application)
print(json.dumps(sorted(sys.modules)))
listed = []
sys.addaudithook(lambda event, given: listed.append(str(given[0])) if event == "os.listdir" else None)
prepare_first_requests(application, lambda path: path.startswith(root))
print(json.dumps(sorted(sys.modules)), flush=True)
kept = {"listed": list(listed), "namespaces": resolvers.get_ns_resolver.cache_info().currsize, "forms": []}
if "django.template.loaders.cached" in sys.modules:
    kept["forms"] = [*get_default_renderer().engine.engine.template_loaders[0].get_template_cache]
environ = {}
wsgiref.util.setup_testing_defaults(environ)
body = b"".join(application(environ, lambda *_: None)).decode()
print(json.dumps(sorted(sys.modules)))
print(json.dumps(body))
print(json.dumps(kept))
"""
PLAIN = "application = served\n"
WRAPPED = "def application(environ, start_response):\n    return served(environ, start_response)\n"


def site(folder: Path, wsgi: str = PLAIN, context: str = "[]", further: dict[str, str] | None = None) -> Path:
    """A site of one page; ``context``: its own context processors; ``further``: files beside it."""
    files = {
        "site_of_shop/__init__.py": "",
        "site_of_shop/settings.py": f"CONTEXT = {context}\n{SETTINGS}",
        "site_of_shop/urls.py": URLS,
        "site_of_shop/wsgi.py": WSGI + wsgi,
        "shop/__init__.py": "",
        "shop/templates/page.html": "{% url 'home' %}",
        **(further or {}),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class Prepared(NamedTuple):
    """The modules that the preparation of a site loads, those that its first request loads then, its answer."""

    before: set[str]
    after: set[str]
    answer: str
    kept: dict[str, Any]


def prepared(folder: Path, *preloaded: str) -> Prepared:
    """Prepare a site, and request its page; ``preloaded``: modules of requests to earlier workers."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    repository = str(Path(__file__).parents[3])
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), repository, *(preloaded or ["django.template.loaders"])],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    read: list[Any] = list(map(json.loads, ran.stdout.splitlines()))
    first, second, third, answer, kept = read
    return Prepared(set(second) - set(first), set(third) - set(second), answer, kept)


@pytest.mark.parametrize("wsgi", [PLAIN, WRAPPED], ids=["Django's application", "wrapped in another"])
def test_the_first_request_imports_nothing_any_more(tmp_path: Path, wsgi: str):
    """After the preparation, the first page of a site is rendered without any import, also if the site is wrapped."""
    before, after, answer, _ = prepared(site(tmp_path, wsgi))
    assert {"django.contrib.messages.storage.fallback", "django.template.loaders.app_directories"} <= before
    assert (after, answer) == (set(), "/")


def test_templates_wait_where_no_request_has_rendered_one(tmp_path: Path):
    """For a project whose workers have rendered no template yet, nothing of the templates is imported."""
    before, after, answer, _ = prepared(site(tmp_path), "json")
    assert not {each for each in before if each.startswith("django.template")}
    assert ("django.template.loaders.app_directories" in after, answer) == (True, "/")


def test_modules_of_the_project_wait_for_a_request(tmp_path: Path):
    """Tags and context processors of the project are imported by the request that needs them, and not before."""
    own = {
        "shop/templatetags/__init__.py": "",
        "shop/templatetags/tags.py": "from django import template\nregister = template.Library()\n",
        "words.py": "def processor(request):\n    return {}\n",
    }
    before, after, answer, kept = prepared(site(tmp_path, context='["words.processor"]', further=own))
    assert not {each for each in before if each.startswith(("shop", "words"))}
    assert after == {"shop.templatetags", "shop.templatetags.tags", "words"}
    assert ("django.template.loaders.app_directories" in before, answer) == (True, "/")
    assert not [each for each in kept["listed"] if each.startswith(str(tmp_path / "shop"))]


JINJA = "django.template.backends.jinja2.Jinja2"
OTHER_ENGINE = f"TEMPLATES += [{{'BACKEND': '{JINJA}', 'OPTIONS': {{'environment': 'words.environment'}}}}]\n"
OWN_LIBRARY = "TEMPLATES[0]['OPTIONS']['libraries'] = {'words': 'words'}\n"
OWN_BUILTIN = "TEMPLATES[0]['OPTIONS']['builtins'] = ['words']\n"
OWN_LOADER = "TEMPLATES[0].update(APP_DIRS=False)\nTEMPLATES[0]['OPTIONS']['loaders'] = ['words.Loader']\n"
WORDS = """
import jinja2
from django import template
from django.template.loaders import app_directories
class Loader(app_directories.Loader):
    pass
register = template.Library()
environment = jinja2.Environment
"""


@pytest.mark.parametrize("settings", [OTHER_ENGINE, OWN_LIBRARY, OWN_BUILTIN, OWN_LOADER])
def test_engines_that_need_the_project_wait_for_a_request(tmp_path: Path, settings: str):
    """No engine is made that imports a module of the project: of Jinja, or with own libraries or loaders."""
    further = {"site_of_shop/settings.py": f"CONTEXT = []\n{SETTINGS}{settings}", "words.py": WORDS}
    before, after, answer, _ = prepared(site(tmp_path, further=further))
    assert ("words" in before, "words" in after, answer) == (False, True, "/")


def test_namespaces_and_forms_are_prepared(tmp_path: Path):
    """The tables of each namespace, and the templates of Django's widgets, are there before the first request."""
    urls = URLS + (
        "from django.urls import include\n"
        "inner = [path('x/', page, name='x')]\n"
        "outer = [path('', include((inner, 'inner')))]\n"
        "urlpatterns.append(path('outer/', include((outer, 'outer'))))\n"
    )
    page = {"site_of_shop/urls.py": urls, "shop/templates/page.html": "{% url 'outer:inner:x' %}"}
    found = prepared(site(tmp_path, further=page))
    assert (found.answer, found.after) == ("/outer/x/", set())
    assert found.kept["namespaces"] == 2
    assert "django/forms/widgets/text.html" in found.kept["forms"]


def test_broken_urls_are_imported_no_further_time(tmp_path: Path):
    """A project whose URLs have failed is not run again before a request asks for them."""
    broken = (
        "import builtins\n"
        "builtins.TIMES = getattr(builtins, 'TIMES', 0) + 1\n"
        "raise ImportError(f'imported {builtins.TIMES} times')\n"
    )
    with pytest.raises(subprocess.CalledProcessError) as failed:
        prepared(site(tmp_path, WRAPPED, further={"site_of_shop/urls.py": broken}))
    assert "imported 2 times" in failed.value.stderr


GONE_URL = "from django.urls import include\nurlpatterns.append(path('x/', include('gone')))\n"
GONE_CLASSES = "MESSAGE_STORAGE = 'gone.Storage'\nTEMPLATES = [{'BACKEND': 'gone.Gone'}]\n"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("site_of_shop/urls.py", URLS + GONE_URL),
        ("site_of_shop/settings.py", f"CONTEXT = []\n{SETTINGS}{GONE_CLASSES}"),
    ],
    ids=["a URL", "classes of the settings"],
)
def test_names_that_lead_nowhere_fail_at_the_request(tmp_path: Path, file: str, text: str):
    """If a name leads nowhere, a wrapped site is prepared as far as possible; its first request says what is wrong."""
    with pytest.raises(subprocess.CalledProcessError) as failed:
        prepared(site(tmp_path, WRAPPED, further={file: text}))
    assert "No module named 'gone'" in failed.value.stderr
    assert len(failed.value.stdout.splitlines()) == 2
