"""Django's own tests of its server, from the release that is installed, run with our classes in the place of its own.

What they check of the log they look for in ``logging``: a sink hands our records on. What differs from Django by intent
stands in ``DIFFERS``, each with its reason (docs/library.md has it too).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import django
import pytest

from tests.releases import source

pytestmark = pytest.mark.whole

DIFFERS = {
    "servers.test_basehttp.WSGIRequestHandlerTestCase.test_no_body_returned_for_head_requests": (
        "HEAD has the Content-Length that GET would have (RFC 9110, 8.6)"
    ),
    "servers.test_basehttp.WSGIRequestHandlerTestCase.test_non_zero_content_length_set_head_request": (
        "X-Request-ID is the last field, and Content-Length is written by the server, as the RFC spells it"
    ),
    "servers.tests.LiveServerViews.test_closes_connection_without_content_length": (
        "content of unknown length is chunked, and the connection stays (RFC 9112, 7.1)"
    ),
    "servers.tests.LiveServerViews.test_keep_alive_connection_clears_previous_request_data": (
        "a client's Connection: close is answered with one (RFC 9112, 9.6)"
    ),
    "servers.tests.LiveServerViews.test_keep_alive_on_connection_with_content_length": (
        "a client's Connection: close is answered with one (RFC 9112, 9.6)"
    ),
}
PROGRAM = """
import logging, os, runpy, sys
sys.path.insert(0, {root!r})
import django.core.servers.basehttp as theirs
from appliance import basehttp as ours

logger = logging.getLogger("django.server")

class ToLogging:
    def exchange(self, exchange):
        level = "error" if exchange.status >= 500 else "warning" if exchange.status >= 400 else "info"
        getattr(logger, level)('"%s" %s %s', exchange.line, exchange.status, exchange.body_size)
    def event(self, level, event, fields):
        words = {{"client.left": "- %s", "request.logged": "%s"}}.get(event, event + " %s")
        getattr(logger, level)(words, fields.get("message") or fields)
    def flush(self): ...

ours.LogSink = ToLogging
for name in ("WSGIServer", "ThreadedWSGIServer", "WSGIRequestHandler", "ServerHandler", "run", "is_broken_pipe_error"):
    setattr(theirs, name, getattr(ours, name))
os.chdir({tests!r})
sys.path.insert(0, os.getcwd())
sys.argv = ["runtests.py", "servers", "builtin_server", "--parallel=1"]
runpy.run_path("runtests.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def reported() -> str:
    """Return the report of Django's runner."""
    tests = source("django", django.get_version()) / "tests"
    program = PROGRAM.format(root=str(Path(__file__).parents[1]), tests=str(tests))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    return done.stderr


def test_djangos_own_tests_pass(reported: str):
    """Each of Django's tests passes on our classes, except for those that differ by intent, and all of those differ."""
    ran = re.search(r"^Ran (\d+) tests", reported, re.MULTILINE)
    assert ran, reported
    assert int(ran[1]) >= 34
    failed = set(re.findall(r"^(?:FAIL|ERROR): \w+ \(([\w.]+)\)", reported, re.MULTILINE))
    assert failed == set(DIFFERS), reported


def test_the_documentation_tells_what_djangos_fail():
    """Each difference stands in the documentation, with its reason."""
    page = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
    for name, reason in DIFFERS.items():
        assert f"| `{name.rpartition('.')[2]}` | {reason} |" in page
