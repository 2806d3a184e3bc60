"""Open pages follow a template that the worker reads again: in Chromium, without a new generation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.site import DJANGO, FILLED, FLASK, PROJECTS, TEMPLATE, Site
from tests.thorough import one_in

pytestmark = pytest.mark.whole

BACKEND = "django.template.backends.django.DjangoTemplates"
DEBUGGED = {
    "flask": FLASK.replace("WORD =", "app.debug = True\nWORD ="),
    "django": DJANGO.replace("DEBUG=True,", f"DEBUG=True, TEMPLATES={[{'BACKEND': BACKEND, 'DIRS': ['templates']}]},")
    .replace("from django.http import HttpResponse", "from django.shortcuts import render")
    .replace('with open("templates/page.html") as file:', "if True:")
    .replace('HttpResponse(file.read().replace("{{ word }}", WORD))', 'render(request, "page.html", {"word": WORD})'),
}


@pytest.mark.parametrize("kind", one_in(2, DEBUGGED))
def test_a_page_follows_its_template(opened: Callable[..., Site], kind: str, monkeypatch: pytest.MonkeyPatch):
    """Every open page loads again, keeps its form and scroll, and shows a template's error until it is corrected."""
    monkeypatch.setitem(PROJECTS, kind, (DEBUGGED[kind], kind))
    site = opened(kind)
    second = site.page.context.new_page()
    second.goto(site.url)
    site.fill()
    for number in (2, 3):
        site.appliance.edit("templates/page.html", TEMPLATE.replace("{{ word }}", f"{{{{ word }}}} {number}"))
        site.appliance.wait_for("templates.reread")
        site.shows(f"one {number}")
        second.wait_for_function(f"document.querySelector('h1')?.textContent === 'one {number}'")
        assert site.filled() == FILLED
    assert site.loads == 3
    assert not [event for event in site.appliance.events if event["event"] == "reload.started"]
    site.appliance.edit("templates/page.html", TEMPLATE.replace("{{ word }}", "{% if %}"))
    site.until("document.documentElement.textContent.includes('TemplateSyntaxError')")
    site.appliance.edit("templates/page.html", TEMPLATE)
    site.shows("one")
    assert site.errors == []
