"""The mail of a request: kept and shown, with real releases of Django; to a server for tests it is sent."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.worker.instrumentation.effects.smtp_sink import SmtpSink
from tests.live.live_appliance import Appliance
from tests.live.test_desk_outgoing import of_request
from tests.releases import environment
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
DJANGO = """
import django
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], EMAIL_USE_TLS=True, EMAIL_PORT=587,
    EMAIL_HOST="mail.example.invalid", EMAIL_HOST_USER="user", EMAIL_HOST_PASSWORD="a long password")
django.setup()
from django.core import mail
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

def send(request):
    message = mail.EmailMultiAlternatives("Welcome", "Hello", "a@example.org", ["b@example.org"], bcc=["c@example.org"])
    message.attach_alternative("<p>Hello</p>", "text/html")
    message.attach("bill.pdf", b"x" * 300, "application/pdf")
    backend = request.GET.get("backend") or None
    with mail.get_connection(backend) as connection:
        sent = connection.send_messages([message])  # the line
    return HttpResponse(str(sent))

urlpatterns = [path("", send)]
app = get_wsgi_application()
"""
DJANGOS = [("3.13", "django==6.0"), ("3.10", "django==3.2.25")]
PLAIN = """
import smtplib

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    host, port = environ["QUERY_STRING"].split("=")
    try:
        with smtplib.SMTP(host, int(port)) as session:
            session.sendmail("a@example.org", ["b@example.org"], "Subject: code 1234\\n\\nhttp://localhost/?token=abc")
    except OSError as error:
        return [type(error).__name__.encode()]
    return [b"sent"]
"""


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """A mail server: its port, and what it got."""
    got: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            session = SmtpSink()
            replies = session.makefile()
            self.request.sendall(replies.read1())
            while data := self.request.recv(65536):
                got.append(data)
                session.sendall(data)
                self.request.sendall(replies.read1())

    listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever).start()
    yield listening.server_address[1], got
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize(("python", "pin"), DJANGOS if THOROUGH else DJANGOS[:1])
def test_django_sends_no_mail_by_smtp(start: Starting, project: Path, python: str, pin: str):
    """Mail needs no server, and a backend that writes it elsewhere does so as usual."""
    found = environment(python, pin, project=DJANGO)
    (project / "app.py").write_text(DJANGO, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(found / "bin" / "python"))
    appliance.wait_for("worker.ready")
    line = next(number for number, each in enumerate(DJANGO.split("\n"), 1) if "# the line" in each)
    results = [("", "kept"), ("django.core.mail.backends.locmem.EmailBackend", "handed over")]
    for backend, result in results:
        answer, details = of_request(appliance, f"/?backend={backend}")
        assert answer == b"1"
        (mail,) = details["mail"]
        assert (mail["result"], mail["subject"], mail["from"]) == (result, "Welcome", "a@example.org")
        assert sorted(mail["to"]) == ["b@example.org", "c@example.org"]
        assert (mail["text"].strip(), mail["html"].strip()) == ("Hello", "<p>Hello</p>")
        assert mail["attachments"] == [{"name": "bill.pdf", "type": "application/pdf", "size": 300}]
        assert mail["place"] == f"{project / 'app.py'}:{line}"
    assert appliance.wait_for("mail.kept")["subject"] == "Welcome"
    assert not [each for each in appliance.events if each["event"] == "hook.dropped"]


def test_only_mail_to_a_server_for_tests_is_sent(start: Starting, project: Path, server: tuple[int, list[bytes]]):
    """Mail for others is kept; the page, the terminal and the log say so. With APPLIANCE_MAIL=send it is not."""
    port, got = server
    (project / "app.py").write_text(PLAIN, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    answer, details = of_request(appliance, f"/?127.0.0.1={port}")
    assert (answer, details["mail"][0]["result"], len(got) > 3) == (b"sent", "handed over", True)
    answer, details = of_request(appliance, "/?127.0.0.1=25")
    (mail,) = details["mail"]
    assert (answer, mail["result"], mail["text"]) == (b"sent", "kept", "http://localhost/?token=abc")
    assert appliance.wait_for("mail.kept")["subject"] == "code 1234"
    page = appliance.get("/__appliance__/requests/2/mail", Accept="text/html")[1]
    assert b"Kept, and not sent" in page
    assert "Mail, kept: code 1234" in appliance.command("requests", "2").stdout
    assert appliance.stop() == 0
    again = start(APPLIANCE_MAIL="send")
    again.wait_for("worker.ready")
    assert again.get("/?127.0.0.1=1")[1] == b"ConnectionRefusedError"


def test_mail_is_kept_without_a_recorder(start: Starting, project: Path):
    """APPLIANCE_RECORD=off sends nobody mail by accident: one event for each mail reports it."""
    (project / "app.py").write_text(PLAIN, encoding="utf-8")
    appliance = start(APPLIANCE_RECORD="off")
    appliance.wait_for("worker.ready")
    response, answer = appliance.get("/?mail.example.invalid=25", **{"Sec-Fetch-Mode": "navigate"})
    assert (answer, response.headers["Server-Timing"]) == (b"sent", None)
    assert appliance.wait_for("mail.kept")["to"] == "b@example.org"
