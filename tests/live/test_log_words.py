"""The output of projects of many kinds: with the right request's id, no line lost and none doubled."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.live.logged_appliance import Logged

TALKER = """
import logging, sys, threading, warnings
together = threading.Barrier({threads})
log = logging.getLogger("talker")

def app(environ, start_response):
    word = "word-" + environ["PATH_INFO"].strip("/") + "."
    print(word, end=" ")
    together.wait(60)                       # all of them are in the middle of a line now
    print(word, "printed")
    together.wait(60)
    warnings.warn(word + " warned")
    log.warning("%s logged", word)
    sys.stderr.write(word)
    together.wait(60)
    environ["wsgi.errors"].write(" errors\\n")
    try:
        raise ValueError(word + " raised")
    except ValueError:
        together.wait(60)
        import traceback
        traceback.print_exc()
    start_response("200 OK", [])
    yield b""
    print(word, "streamed")
"""
PLAIN = """
import logging, sys
log = logging.getLogger("shop")
log.warning("at import: logged")
print("at import: printed")

def app(environ, start_response):
    log.debug("not shown: debug")
    log.info("not shown: info")
    log.warning("%s: warning", "here")
    log.error("here: error", extra={"shop": "corner"})
    log.log(35, "here: level 35")
    logging.getLogger("lib.of.it").critical("here: critical")
    print("here: printed")
    start_response("200 OK", [])
    return [b""]
"""
BASIC = PLAIN.replace("log = logging", "logging.basicConfig(level='INFO', stream=sys.stdout)\nlog = logging")
FLASKS = PLAIN.replace(
    "log = logging",
    "class LocalProxy:\n    def __init__(self, get): self._get_current_object = get\n"
    "    def __getattr__(self, name): return getattr(self._get_current_object(), name)\n"
    "handler = logging.StreamHandler(LocalProxy(lambda: sys.stderr))\n"
    "handler.setFormatter(logging.Formatter('[%(asctime)s] %(levelname)s in %(module)s: %(message)s'))\n"
    "logging.getLogger('shop').addHandler(handler)\nlogging.basicConfig()\nlog = logging",
)
OWN = PLAIN.replace(
    "log = logging",
    "import json, logging.config\n"
    "class Json(logging.Formatter):\n    def format(self, record): return json.dumps({'mine': record.getMessage()})\n"
    "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False,\n"
    "    'formatters': {'json': {'()': Json}},\n"
    "    'handlers': {'out': {'class': 'logging.StreamHandler', 'formatter': 'json', 'stream': 'ext://sys.stdout'},\n"
    "                 'file': {'class': 'logging.FileHandler', 'filename': sys.argv[0] + '.log'}},\n"
    "    'root': {'handlers': ['out'], 'level': 'INFO'},\n"
    "    'loggers': {'lib': {'handlers': ['file'], 'propagate': False}}})\nlog = logging",
)
SETTINGS = """
import os
SECRET_KEY, DEBUG, ROOT_URLCONF, ALLOWED_HOSTS = "x", True, "urls", ["*"]
"""
URLS = """
import logging
from django.http import Http404, HttpResponse
from django.urls import path

def view(request, name):
    logging.getLogger("shop").warning("here: warning")
    logging.getLogger("django.shop").info("here: of django's own")
    print("here: printed")
    if name == "missing":
        raise Http404("here: not found")
    return HttpResponse("")

urlpatterns = [path("shop/<slug:name>/", view)]
"""
WSGI = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
FLOOD = """
import pathlib
def app(environ, start_response):
    progress = pathlib.Path(environ["HTTP_X_PROGRESS"])
    for number in range(60_000):
        print(f"line-{number:05}.", "x" * 100)
        if number % 1000 == 0:
            progress.write_text(str(number))
    start_response("200 OK", [])
    return [b"done"]
"""

Serve = Callable[..., Logged]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a project of these files."""
    running: list[Logged] = []

    def begin(files: dict[str, str], **settings: str) -> Logged:
        folder = tmp_path / "project"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        running.append(Logged(folder, tmp_path, APPLIANCE_PYTHON=sys.executable, **settings))
        running[-1].wait_for("worker.ready")
        return running[-1]

    yield begin
    for each in running:
        each.read_on.set()
        each.close()


def test_each_event_has_the_id_of_its_request(serve: Serve):
    """200 requests that print, warn, log and raise at the same time: each event has the id of its own request."""
    appliance = serve({"app.py": TALKER.format(threads=200)}, APPLIANCE_THREADS="200")
    with ThreadPoolExecutor(200) as pool:
        responses = list(pool.map(lambda number: appliance.get(f"/{number}")[0], range(200)))
    ids = [response.getheader("X-Request-ID") for response in responses]
    appliance.stop()
    assert appliance.faults == []
    for number, request_id in enumerate(ids):
        word = f"word-{number}."
        own = [event for event in appliance.said() if event.get("request_id") == request_id]
        reported = [str(event.get("text", event.get("message"))) for event in own]
        text = "\n".join(reported)  # a machine that is busy makes several events of one traceback
        lines = text.splitlines()
        singles = [f"{word} errors", f"{word} logged", f"{word} streamed", f"{word} {word} printed"]
        assert [lines.count(line) for line in [*singles, f"ValueError: {word} raised"]] == [1] * 5
        assert text.count(f"UserWarning: {word} warned") == text.count("Traceback") == 1
        assert {each.partition(".")[0] for each in text.split("word-")[1:]} == {str(number)}
        assert appliance.count(word) == 6


@pytest.mark.parametrize("source", [PLAIN, BASIC, FLASKS, OWN], ids=["plain", "basicConfig", "as Flask", "dictConfig"])
def test_no_line_is_lost_and_none_doubled(serve: Serve, source: str):
    """A line that the project's own configuration lets through is logged once; one that it drops is not logged."""
    appliance = serve({"app.py": source})
    appliance.get()
    appliance.stop()
    assert appliance.faults == []
    informed = source in {BASIC, OWN}
    expected = {
        "at import: logged": 1,
        "at import: printed": 1,
        "here: warning": 1,
        "here: error": 1,
        "here: level 35": 1,
        "here: critical": 0 if source is OWN else 1,  # to a file of its own
        "here: printed": 1,
        "shown: info": 1 if informed else 0,
        "shown: debug": 0,
    }
    assert {words: appliance.count(words) for words in expected} == expected
    records = [event for event in appliance.said() if event["event"] == "project.logged"]
    if source is OWN:
        assert records == []
        assert {"mine": "here: error"} in [event.get("project") for event in appliance.said()]
        assert (appliance.project / "app.py.log").read_text() == "here: critical\n"
    else:
        found = next(event for event in records if event["message"] == "here: error")
        assert (found["level"], found["logger"], found["extra"]) == ("error", "shop", {"shop": "corner"})
        assert Path(found["file"]).name == "app.py"
        assert found["line"] == source.splitlines().index('    log.error("here: error", extra={"shop": "corner"})') + 1
        assert {event["level_name"] for event in records if "level_name" in event} == {"Level 35"}


def test_djangos_own_logging_makes_one_line_each_with_the_requests_id(serve: Serve):
    """Django's default configuration: each line once, with the request's id, and the pattern of the path."""
    appliance = serve({"settings.py": SETTINGS, "urls.py": URLS, "wsgi.py": WSGI}, APPLIANCE_APP="wsgi:application")
    assert appliance.get("/shop/open/")[0].status == 200
    assert appliance.get("/shop/missing/")[0].status == 404
    appliance.stop()
    assert appliance.faults == []
    counts = {words: appliance.count(words) for words in ("here: warning", "of django's own", "printed", "Not Found")}
    assert counts == {"here: warning": 2, "of django's own": 2, "printed": 2, "Not Found": 1}
    finished = [event for event in appliance.events if event["event"] == "request.finished"]
    assert {event["http.route"] for event in finished} == {"/shop/<slug:name>/"}
    for event in appliance.said():
        assert event["request_id"] in {each["request_id"] for each in finished}


def stall(appliance: Logged, progress: Path) -> threading.Thread:
    """Leave stdout unread until the project waits for it; ask for the status meanwhile. The thread of its request."""
    appliance.read_on.clear()
    flood = threading.Thread(target=ask_for_flood, args=(appliance, progress))
    flood.start()
    now, same = "", 0
    while same < 5:  # each look takes as long as the command that is asked meanwhile
        status = appliance.command("status")
        assert status.returncode == 0, status.stderr
        before, now = now, progress.read_text() if progress.exists() else ""
        same = same + 1 if now and now == before else 0
    assert int(now) < 59_000
    assert flood.is_alive()
    return flood


def ask_for_flood(appliance: Logged, progress: Path) -> None:
    """One request, which may be cut."""
    with contextlib.suppress(OSError, HTTPException):
        appliance.get(**{"X-Progress": str(progress)})


@pytest.mark.whole
def test_a_process_waits_for_a_slow_stdout_and_loses_nothing(serve: Serve, tmp_path: Path):
    """A process that prints faster than stdout takes it waits; the supervisor still answers, and nothing is lost."""
    appliance = serve({"app.py": FLOOD})
    flood = stall(appliance, tmp_path / "progress")
    appliance.read_on.set()
    flood.join(60)
    appliance.wait_for("request.finished")
    appliance.stop()
    assert appliance.faults == []
    numbers = [event["text"].split(".")[0] for event in appliance.said() if event["text"].startswith("line-")]
    assert numbers == [f"line-{number:05}" for number in range(60_000)]
    assert not [event for event in appliance.events if event["event"] == "records.lost"]


def test_a_stop_does_not_wait_for_an_unread_stdout(serve: Serve, tmp_path: Path):
    """A stop does not wait for a stdout that nobody reads: what is left out is counted on stderr."""
    appliance = serve({"app.py": FLOOD})
    flood = stall(appliance, tmp_path / "progress")
    appliance.process.send_signal(signal.SIGTERM)
    assert appliance.process.wait(timeout=10) == 0
    appliance.read_on.set()
    flood.join(60)
    lost = json.loads((tmp_path / "stderr").read_text())
    assert (lost["event"], lost["count"] > 1000) == ("records.lost", True)
