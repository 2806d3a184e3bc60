"""A page as HTML: what it shows first, what is folded, and what its policy allows."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from appliance.server.pages.error_page import report, response
from appliance.server.pages.html.content_policy import POLICY, SCRIPT_HASH, STYLE_HASH
from appliance.server.pages.html.page_document import html_page
from appliance.server.pages.html.page_script import SCRIPT
from appliance.server.pages.html.page_style import STYLE
from tests.server.pages.test_error_page import raised

SOURCE = """import json


def outer():
    inner()


def inner():
    json.loads("{")


outer()
"""


def page(folder: Path, **more: Any) -> dict[str, Any]:
    """The page of an exception."""
    error = raised(SOURCE, folder / "app.py")
    return {"status": 500, **report(error, root=str(folder), kind="request", **more)}


def hash_of(text: str) -> str:
    """The source expression of a hash (CSP 3, 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_admits_the_pages_own_style_and_script():
    """The hashes that are written down are those of the style and the script, and nothing inline is allowed beside."""
    assert (hash_of(STYLE), hash_of(SCRIPT)) == (STYLE_HASH, SCRIPT_HASH)
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY
    assert "frame-ancestors 'self'" in POLICY


def test_html_has_a_policy(tmp_path: Path):
    """An HTML page has the policy among its fields; no form of a page is stored or sniffed."""
    for accept, has in (("text/html", True), ("application/json", False), ("text/plain", False)):
        fields = dict(response(page(tmp_path), accept)[0])
        assert ("Content-Security-Policy" in fields) is has
        assert (fields["Cache-Control"], fields["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_the_innermost_own_frame_is_open(tmp_path: Path):
    """One frame is open, the project's innermost; library frames are one line; no style or handler is an attribute."""
    text = html_page(page(tmp_path))
    opened = text.index("<details open>")
    assert text.count("<details open>") == 1
    assert 'app.py:9</span> <span class="of">in inner' in text[opened : opened + 200]
    assert text.index("of the standard library") < opened
    assert '<details><summary><span class="name">app.py:5' in text
    assert " style=" not in text
    assert " onclick=" not in text


def test_the_columns_are_marked(tmp_path: Path):
    """The expression that raised is marked in its line."""
    assert "<mark>json.loads(&quot;{&quot;)</mark>" in html_page(page(tmp_path))


def test_a_page_without_an_exception_has_its_texts_and_no_script():
    """A page of a status has its texts, and no script unless it waits."""
    text = html_page({"status": 500, "title": "T", "lead": "L", "action": "A", "details": "D"})
    assert all(f">{part}<" in text for part in "TLAD")
    assert "<script>" not in text
    assert "<script>" in html_page({"status": 503, "title": "T", "refresh": True, "version": 1})


def test_the_editor_opens_the_place(tmp_path: Path):
    """The link opens the host's file at line and column, in the editor of the setting; without one there is no link."""
    context = {"editor": {"name": "vscode", "folder": "/home/me/my shop"}}
    assert 'href="vscode://file/home/me/my%20shop/app.py:9:5"' in html_page(page(tmp_path, context=context))
    assert "://" not in html_page(page(tmp_path)).replace("http://", "")


def test_the_last_save_is_a_diff_with_the_failing_line(tmp_path: Path):
    """The last save is a diff in which the line of the traceback is marked."""
    diff = ["@@ -8,2 +8,2 @@", " def inner():", "-    pass", '+    json.loads("{")']
    saved = {"files": [{"file": str(tmp_path / "app.py"), "what": "changed", "diff": diff}]}
    text = html_page(page(tmp_path, context={"saved": saved}))
    assert '<span class="l del">-    pass</span><span class="l add here">+    json' in text


def test_the_text_for_an_assistant_has_frames_and_versions(tmp_path: Path):
    """The text has the message, the project's frames with source, the versions, and nothing of libraries."""
    text = html_page(page(tmp_path))
    area = text[text.index("<textarea") : text.index("</textarea>")]
    assert "# JSONDecodeError: Expecting property name" in area
    assert "## app.py:9 in inner" in area
    assert "&gt;    9     json.loads" in area
    assert "- Python 3." in area
    assert "decoder.py" not in area
