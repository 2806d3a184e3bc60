"""Mail is kept with every way that smtplib has to send it, and noted once."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextvars import Token
from email.message import EmailMessage

import pytest

from appliance.protocol.request_details import MAIL_ROOM, MAILS_MAX, encoded_size
from appliance.server.wsgi.access_log.exchange import Exchange, current
from tests.worker.instrumentation.effects.smtp_client import HookedClient

HOST = "mail.example.invalid"


@pytest.fixture
def client() -> Iterator[HookedClient]:
    """A client within a request."""
    found = HookedClient()
    token: Token[Exchange | None] = current.set(found.exchange)
    yield found
    current.reset(token)


def message(text: str = "Hello.\n.dotted\n") -> EmailMessage:
    """A mail with text, HTML and an attachment."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Bcc"], mail["Subject"] = "a@example.org", "b@example.org", "c@example.org", "Grüße"
    mail.set_content(text)
    mail.add_alternative("<p>Hello</p>", subtype="html")
    mail.add_attachment(b"x" * 300, maintype="application", subtype="pdf", filename="bill.pdf")
    return mail


def test_a_whole_session_is_answered(client: HookedClient):
    """TLS, a login and several mails work as with a server; what was kept has texts, addresses and attachments."""
    with client.module.SMTP(HOST, 587) as session:
        session.starttls()
        session.ehlo()
        assert session.login("user", "secret") == (235, b"2.7.0 OK")
        assert session.send_message(message()) == {}
        assert session.sendmail("x@example.org", "y@example.org", "Subject: plain\n\nText") == {}
        assert session.noop()[0] == 250
    first, second = client.mails()
    assert (first["result"], first["server"], first["from"]) == ("kept", f"{HOST}:587", "a@example.org")
    assert first["to"] == ["b@example.org", "c@example.org"]
    assert (first["subject"], first["text"], first["html"]) == ("Grüße", "Hello.\n.dotted\n", "<p>Hello</p>\n")
    assert first["attachments"] == [["bill.pdf", "application/pdf", 300]]
    assert (second["subject"], second["text"]) == ("plain", "Text")
    assert [event for event, _ in client.events] == ["mail.kept", "mail.kept"]
    assert client.events[0][1]["subject"] == "Grüße"
    assert "secret" not in str(client.mails())


@pytest.mark.parametrize("kind", ["SMTP", "SMTP_SSL", "LMTP"])
def test_every_kind_of_session_is_kept(client: HookedClient, kind: str):
    """Mail is kept in every class of session, with single commands too; the original class stays unchanged."""
    session = getattr(client.module, kind)()
    assert session.connect(f"{HOST}:465")[0] == 220
    session.ehlo()
    assert session.mail("a@example.org")[0] == session.rcpt("b@example.org")[0] == 250
    assert session.data(b"From: a@example.org\nTo: b@example.org\nSubject: single\n\n.\n")[0] == 250
    assert session.quit()[0] == 221
    (found,) = client.mails()
    assert (found["subject"], found["from"], found["to"]) == ("single", "a@example.org", ["b@example.org"])
    assert smtplib.SMTP.connect.__module__ == "smtplib"


@pytest.mark.parametrize("port", [None, "", "25"])
def test_a_session_without_a_port_is_kept(client: HookedClient, port: object):
    """A port that smtplib accepts as none, or as a text, is read as smtplib reads it, and the hook stays."""
    with client.module.SMTP(f"{HOST}:587" if not port else HOST, port) as session:
        session.send_message(message())
    (found,) = client.mails()
    assert found["server"] == f"{HOST}:{25 if port else 587}"
    assert client.hooks.dropped == set()


@pytest.mark.parametrize(("host", "port"), [(f"{HOST}:bogus", 0), (HOST, "smtp")])
def test_a_port_that_is_not_a_number_leaves_the_hook(client: HookedClient, host: str, port: object):
    """Mail for a server whose port is a name is kept, and the next server for tests is still known as one."""
    with client.module.SMTP(host, port) as session:
        session.send_message(message())
    assert client.mails()[0]["result"] == "kept"
    assert client.hooks.dropped == set()


def test_a_socket_of_a_local_server_is_kept_too(client: HookedClient):
    """LMTP over a path delivers to people of this machine."""
    session = client.module.LMTP("/run/lmtp.sock")
    assert session.sendmail("a@example.org", ["b@example.org"], b"Subject: x\n\nText") == {}
    assert len(client.mails()) == 1


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2"])
@pytest.mark.parametrize("initial", [True, False])
def test_each_way_to_log_in_is_accepted(client: HookedClient, mechanism: str, initial: bool):
    """With a first response and without."""
    session = client.module.SMTP(HOST)
    session.ehlo()
    session.user, session.password = "user", "secret"
    method = {"PLAIN": session.auth_plain, "LOGIN": session.auth_login}.get(mechanism, lambda *_: "user=x")
    assert session.auth(mechanism, method, initial_response_ok=initial)[0] == 235
    assert session.noop()[0] == 250


def test_outside_of_a_request_mail_is_kept_too(client: HookedClient):
    """A mail that a thread of the project sends is kept and reported by one event."""
    current.set(None)
    with client.module.SMTP(HOST) as session:
        session.send_message(message())
    assert [event for event, _ in client.events] == ["mail.kept"]
    assert not client.mails()


def test_a_mail_that_nobody_can_read_is_kept_as_it_is(client: HookedClient):
    """A message of a broken form is the project's; its beginning is shown, and no hook is dropped."""
    broken = b"Content-Type: text/plain; charset=no-such\n\n\xff\xff"
    with client.module.SMTP(HOST) as session:
        with pytest.raises(client.module.SMTPRecipientsRefused):
            session.sendmail("a", [], b"\xff\xfe\x00")
        session.sendmail("a", ["b"], broken)
        session.sendmail("a" * 10_000, [f"{number}@example.org" for number in range(100)], b"")
    assert {event for event, _ in client.events} == {"mail.kept"}
    refused, unread, large = client.mails()
    assert (refused["result"], refused["error"]) == ("failed", "SMTPRecipientsRefused: {}")
    assert unread["text"].startswith("Content-Type")
    assert (len(large["from"]), len(large["to"]), large["to_count"]) == (200, 20, 100)


def test_many_large_mails_are_kept_in_part(client: HookedClient):
    """Mails that do not fit into the message to the recorder are cut or counted."""
    with client.module.SMTP(HOST) as session:
        mail = f"Subject: x\nContent-Type: text/plain; charset=utf-8\n\n{'ö' * 50_000}".encode()
        for _ in range(MAILS_MAX + 5):
            session.sendmail("a@example.org", "b@example.org", mail)
    wire = client.details.effects.to_wire()
    assert len(wire["mails"]) + wire["mails_left_out"] == MAILS_MAX + 5
    assert encoded_size(wire["mails"]) < MAIL_ROOM + 200
    assert wire["mails"][0]["text_cut"] >= 50_000 - 16_384


def test_with_send_the_project_reaches_its_server():
    """Nothing is kept, and the failure to connect is the project's own."""
    client = HookedClient(keeps=False)
    with pytest.raises(ConnectionRefusedError):
        client.module.SMTP("127.0.0.1", 1)
    assert client.events == []
