"""The remedies on a page of the project's own origin: a link to the appliance's page, and no secret."""

from __future__ import annotations

from appliance.server.pages.error_page import render
from appliance.server.pages.live_parts.remedy_html import diff_html, remedies_html

REMEDY = {"id": "a&b", "kind": "make-folder", "label": "<b>", "command": "mkdir '<i>'", "why": "<u>", "runs": True}


def test_a_remedy_links_to_its_page():
    """Each remedy is shown as text, and links to the page with its button."""
    page = remedies_html([REMEDY])
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;" in page
    assert not any(tag in page for tag in ("<b>", "<i>", "<u>", "<form"))
    assert 'href="/__appliance__/remedy?id=a%26b"' in page
    assert "/__appliance__/remedy.js" in remedies_html([REMEDY], script=True)


def test_a_workers_page_knows_id_and_label_of_a_remedy_alone():
    """A worker's page knows the id and the label alone."""
    page = remedies_html([{"id": "1", "label": "Apply the migrations"}])
    assert "Apply the migrations" in page
    assert "<script" not in page
    assert "<pre" not in page


def test_advice_has_no_link():
    """A remedy that only the host can run is shown without a link."""
    assert "href" not in remedies_html([{**REMEDY, "runs": False}])


def test_a_page_without_remedies_has_no_section():
    """A page without remedies, or with malformed ones, has no section."""
    assert remedies_html(None) == remedies_html([]) == remedies_html("x") == remedies_html([1, None]) == ""
    assert remedies_html([{"kind": "run-again", "step": "import"}]) == ""  # named, and not made yet


def test_a_diff_marks_its_lines_as_text():
    """Added and removed lines are marked; markup in them is text."""
    assert diff_html("@@\n-<a>\n+b") == (
        '<span class="l">@@</span><del class="l del">-&lt;a&gt;</del><ins class="l add">+b</ins>'
    )


def test_the_error_page_has_its_remedies():
    """The page of a failure has its remedies, as HTML and as JSON."""
    page = {"status": 500, "title": "Broken", "remedies": [REMEDY]}
    assert b"/__appliance__/remedy?id=" in render(page, "text/html")[1]
    assert b'"mkdir ' in render(page, "application/json")[1]
