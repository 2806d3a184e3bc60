"""Saved templates and translations of frameworks that keep them in memory: served from a snapshot, with no import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.live.snapshot_project import SnapshotProject
from tests.live.translation_file import compiled
from tests.releases import environment
from tests.thorough import first

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots")

FLASK = """
from flask import Flask, render_template
from flask_babel import Babel, gettext, lazy_gettext
import shop

app = Flask(__name__)
Babel(app, default_locale="de")
LAZY = lazy_gettext("Hello")

@app.route("/")
def index():
    return render_template("page.html", word=gettext("Hello"), lazy=LAZY, shop=shop.word())
"""
DJANGO = """
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext, gettext_lazy
import pathlib, shop

HERE = pathlib.Path(__file__).parent
if not settings.configured:
    settings.configure(
        DEBUG=False, SECRET_KEY="not-a-secret", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, DATABASES={},
        INSTALLED_APPS=[], MIDDLEWARE=[], USE_I18N=True, LANGUAGE_CODE="de", LOCALE_PATHS=[HERE / "locale"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [HERE / "templates"]}],
    )

from django.core.wsgi import get_wsgi_application
from django.template.loader import render_to_string
from django.urls import path

LAZY = gettext_lazy("Hello")

def index(request):
    told = {"word": gettext("Hello"), "lazy": LAZY, "shop": shop.word()}
    return HttpResponse(render_to_string("page.html", told))

urlpatterns = [path("", index)]
app = get_wsgi_application()
"""
SHOP = 'def word():\n    return "{word}"\n'
PAGE = "{word}: {{{{ word }}}} {{{{ lazy }}}} {{{{ shop }}}}"
PROJECTS = {
    "flask": (FLASK, "translations/de/LC_MESSAGES/messages.mo", ("flask==3.1.3", "flask-babel==4.0.0")),
    "django": (DJANGO, "locale/de/LC_MESSAGES/django.mo", ("django==6.1.3",)),
}


class Translated(SnapshotProject):
    """The project of one framework: a template without auto reload, and a catalogue."""

    def __init__(self, start: Start, folder: Path, framework: str) -> None:
        text, self.catalogue, pins = PROJECTS[framework]
        (folder / self.catalogue).parent.mkdir(parents=True)
        (folder / self.catalogue).write_bytes(compiled({"Hello": "Hallo"}))
        files = {"app.py": text, "shop.py": SHOP.format(word="one"), "templates/page.html": PAGE.format(word="page")}
        super().__init__(start, folder, files, str(environment("3.13", *pins, project=f"import {framework}\n")))
        self.has_snapshot()
        assert self.text() == "page: Hallo Hallo one"  # it keeps both from here on

    def translate(self, word: str) -> str:
        """Save the catalogue as compilers do, and return how that was reloaded."""
        aside = self.folder / "aside"
        aside.write_bytes(compiled({"Hello": word}))
        aside.rename(self.folder / self.catalogue)
        return str(self.appliance.wait_for("reload.finished")["how"])


@pytest.mark.parametrize("framework", first(PROJECTS))
def test_what_a_framework_keeps_is_served_from_the_snapshot(start: Start, project: Path, framework: str):
    """A saved template or catalogue is served at once by a fork that keeps neither; nothing is imported."""
    served = Translated(start, project, framework)
    for number in range(3):
        assert served.save("templates/page.html", PAGE.format(word=f"page{number}"))["how"] == "swapped"
        assert served.text() == f"page{number}: Hallo{number or ''} Hallo{number or ''} one"
        assert served.translate(f"Hallo{number + 1}") == "swapped"
        assert served.text() == f"page{number}: Hallo{number + 1} Hallo{number + 1} one"
    assert served.save("shop.py", SHOP.format(word="two"))["how"] == "swapped"
    served.appliance.wait_for("reload.verified")
    assert served.text() == "page2: Hallo3 Hallo3 two"
    assert served.named("reload.mismatch") == []
    assert served.worst() == []


@pytest.mark.whole
@pytest.mark.parametrize("framework", PROJECTS)
def test_a_source_of_translations_does_nothing(start: Start, project: Path, framework: str):
    """A saved PO file changes no answer, so it starts no worker; the catalogue that is compiled of it does."""
    served = Translated(start, project, framework)
    source = Path(served.catalogue).with_suffix(".po")
    (project / source).write_text('msgid "Hello"\nmsgstr "Moin"\n', encoding="utf-8")
    assert served.translate("Moin") == "swapped"
    assert served.text() == "page: Moin Moin one"
    assert len(served.named("reload.finished")) == 1
