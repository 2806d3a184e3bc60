"""The waiting page: readable without script, updated in place with one, and inert whatever a project prints."""

from __future__ import annotations

import re

from appliance.server.pages.error_page import render

PAGE = {
    "status": 503, "title": "Installing", "lead": "It downloads.", "details": "a line", "refresh": True,
    "version": 5,
    "progress": {
        "done": 7, "total": 11, "elapsed_s": 3.2, "phase": "installing", "facts": [["Packages", "7 of <11>"]],
    },
}  # fmt: skip


def html(**fields: object) -> str:
    """The page as a browser gets it."""
    return render({**PAGE, **fields}, "text/html")[1].decode()


def test_a_waiting_page_needs_no_script():
    """Everything is in the document, and it refreshes itself."""
    page = html()
    shown = ("It downloads.", "a line", "3 s so far", "<dt>Packages</dt><dd>7 of &lt;11&gt;</dd>")
    for text in (*shown, 'max="11" value="7"', 'http-equiv="refresh"'):
        assert text in page


def test_the_script_asks_for_the_next_version():
    """The script asks for the next version of this page."""
    assert 'data-version="5" data-elapsed="3.2"' in html()


def test_no_bar_is_shown_without_a_count():
    """Without a count there is no bar, and no empty element is shown."""
    page = html(progress={}, details="", lead="")
    assert "<progress" in page
    assert re.search(r"<progress [^>]* hidden>", page)
    assert re.search(r"<pre [^>]* hidden></pre>", page)
    assert '<dl id="appliance-facts" hidden></dl>' in page
    assert '<div id="appliance-strip" class="progress"></div>' in page


def test_the_bar_of_packages_replaces_the_strip():
    """If the number of packages is known, a bar shows the progress, and the moving strip is hidden."""
    assert '<div id="appliance-strip" class="progress" hidden></div>' in html()


def test_a_client_of_text_gets_the_same_facts():
    """A client that takes text gets the same facts."""
    assert b"\n\nIt downloads.\n\nPackages: 7 of <11>\n\na line\n" in render(PAGE, "text/plain")[1]


def test_markup_in_output_is_text():
    """Markup in printed lines, or in a module's name, is text."""
    page = html(lead="<script>1</script>", details="</pre><img src=x onerror=1>", title="<b>")
    assert "<script>1" not in page
    assert "<img" not in page
    assert "<b>" not in page
