"""The page of reloads: each with its time line."""

from __future__ import annotations

from appliance.standin.desk_pages.reloads_page import reloads_page, time_line

SAVED = {
    "at": 1.0,
    "generation": 2,
    "run": "now",
    "event": "reload.finished",
    "files": [],
    "phases": [],
    "forked": True,
}


def test_a_time_line_has_its_phases_as_text():
    """The widths are the parts of the whole, and each phase is listed below; without any there is nothing."""
    shown = time_line([("noticed", 0.01), ("imported", 0.03)])
    assert ('width="59.5"' in shown, 'x="60.0"' in shown) == (True, True)
    assert "noticed 10.0 ms, imported 30.0 ms" in shown
    assert time_line([]) == time_line([("noticed", 0.0)]) == ""


def test_a_generation_leads_to_its_requests():
    """The generations of this run have requests to look at, those of an earlier one have none."""
    assert '/__appliance__/?generation=2"' in reloads_page([SAVED], "now")
    assert "?generation" not in reloads_page([SAVED], "later")


def test_a_reload_says_how_it_was_made():
    """A reload shows how its worker was made, and why not in a faster way; one of an older version whether forked."""
    assert "reloaded, functions swapped" in reloads_page([{**SAVED, "how": "swapped"}], "now")
    declined = reloads_page([{**SAVED, "how": "forked", "reason": "<f> has another signature"}], "now")
    assert ("reloaded, forked" in declined, "&lt;f&gt; has another signature" in declined) == (True, True)
    assert "reloaded, forked" in reloads_page([SAVED], "now")


def test_a_failure_says_where_and_what_to_do():
    """The error, its place and its action are shown, for each kind of event."""
    failed = {
        **SAVED,
        "event": "worker.failed",
        "error": "SyntaxError: x",
        "file": "a.py",
        "line": 3,
        "action": "Fix it.",
    }
    shown = reloads_page([failed], "now")
    assert ("SyntaxError: x" in shown, "a.py:3" in shown, "Fix it." in shown) == (True, True, True)
    assert "killed by SIGKILL" in reloads_page([{**SAVED, "event": "worker.exited", "how": "killed by SIGKILL"}], "now")


def test_the_page_counts_many_files():
    """A save of many files shows the first ones, and how many more there are."""
    assert "<code>e.py</code> and 2 more" in reloads_page(
        [{**SAVED, "files": [f"{name}.py" for name in "abcdefg"]}], "now"
    )
