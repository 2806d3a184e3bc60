"""Edits on the host, seen by clients."""

import itertools
import threading

import pytest

from tests.thorough import THOROUGH

EDITS = 20 if THOROUGH else 8
SOURCE = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"edition {edition}"]
"""


@pytest.fixture
def folder(project):
    """A project of one file, which says its edition."""
    return project({"wsgi.py": SOURCE.format(edition=0)})


@pytest.fixture
def container(start, folder):
    """The container that serves it."""
    container = start(folder)
    container.wait_for("worker.ready")
    return container


class Visitor(threading.Thread):
    """A client that makes new connections throughout, and keeps the answers that were not 200 and what failed."""

    def __init__(self, container):
        super().__init__()
        self.container, self.failures, self.answered, self.left = container, [], 0, threading.Event()

    def run(self):
        """Ask until told to leave."""
        while not self.left.is_set():
            try:
                status = self.container.get().status
            except OSError as error:
                self.failures.append(repr(error))
            else:
                self.answered += 1
                if status != 200:
                    self.failures.append(status)

    def __exit__(self, *_):
        self.left.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


@pytest.mark.parametrize("how", ["auto", "poll"])
def test_edits_in_a_row_lose_nothing(start, folder, how):
    """Each of 8 edits (20 in the long form) is served, by events and by polling, and no connection fails meanwhile."""
    container = start(folder, "--env", f"APPLIANCE_WATCH={how}")
    container.wait_for("worker.ready")
    with Visitor(container) as visitor:
        for edition in range(1, EDITS + 1):
            if edition % 2:
                (folder / "wsgi.py").write_text(SOURCE.format(edition=edition))
            else:  # as editors do that write beside the file
                (folder / "wsgi.py.new").write_text(SOURCE.format(edition=edition))
                (folder / "wsgi.py.new").rename(folder / "wsgi.py")
            container.wait_for("reload.finished", count=edition)
            assert container.get().text == f"edition {edition}"
    # A machine that is so busy that a reload takes a second may show the page that says so; nothing else is excused.
    busy = any(event["duration_s"] > 0.5 for event in container.events("reload.finished"))
    assert [failure for failure in visitor.failures if failure != 503 or not busy] == []
    assert visitor.answered > 20


def test_a_save_by_renaming_is_noticed_again_and_again(container, folder):
    """An editor that writes beside the file and renames over it is noticed, again and again."""
    for edition in range(1, 4):
        beside = folder / ".wsgi.py.swp"
        beside.write_text(SOURCE.format(edition=edition))
        beside.rename(folder / "wsgi.py")
        container.wait_for("reload.finished", count=edition)
        assert container.get().text == f"edition {edition}"


def test_a_syntax_error_is_shown_and_fixed(container, folder):
    """A syntax error's file and line are on the page, in log and status; fixing it needs no restart."""
    (folder / "wsgi.py").write_text("def application(environ, start_response):\n    return [b'open'\n")
    event = container.wait_for("worker.failed")
    assert (event["file"], event["line"]) == ("/workspace/wsgi.py", 2)
    for accept in ("text/html", "text/plain", "application/json"):
        page = container.get(accept=accept)
        assert page.status == 500
        assert page.headers["Content-Type"].startswith(accept.replace("/json", "/problem+json"))
        assert "wsgi.py" in page.text
        assert "SyntaxError" in page.text
    status = container.execute("appliance", "status", check=False).stdout
    assert "wsgi.py" in status
    assert "line 2" in status or ":2" in status
    (folder / "wsgi.py").write_text(SOURCE.format(edition=1))
    container.wait_for("reload.finished")
    assert container.get().text == "edition 1"
    assert container.state()["Restarting"] is False


def test_twenty_saves_at_once_settle_on_the_last(container, folder):
    """After a burst of saves the last one is served."""
    for edition in range(1, 21):
        (folder / "wsgi.py").write_text(SOURCE.format(edition=edition))
    container.wait_for("reload.finished")
    editions = (container.get().text for _ in itertools.repeat(None, 500))
    assert "edition 20" in editions
