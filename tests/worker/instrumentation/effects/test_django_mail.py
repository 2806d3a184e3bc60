"""Backends of Django that send without smtplib: a provider's is kept, the others do what they do."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import current
from appliance.worker.instrumentation.effects.django_mail import DjangoMail
from tests.worker.instrumentation.effects.smtp_client import HookedClient


class Message:
    """As much of Django's EmailMessage as is read."""

    subject, body, from_email = "Hello", "<p>Hi</p>", "a@example.org"
    content_subtype = "html"
    to, cc, attachments = ("b@example.org",), ("c@example.org",), (("a.txt", "text", None),)

    def recipients(self) -> list[str]:
        """All recipients of the mail."""
        return [*self.to, *self.cc]


@pytest.fixture
def client() -> Iterator[HookedClient]:
    """A client of mail within a request."""
    found = HookedClient()
    token = current.set(found.exchange)
    yield found
    current.reset(token)


def backend(client: HookedClient, module: str, send: Any) -> Any:
    """A backend of this module, as Django hands it out."""
    kind = type("EmailBackend", (), {"send_messages": send, "__module__": module})
    django: Any = SimpleNamespace(get_connection=lambda *_, **__: kind())
    DjangoMail(client.hooks, client.mail)._hook(django)
    django.get_connection()
    return django.get_connection(fail_silently=True)


def test_a_providers_backend_sends_nothing(client: HookedClient):
    """The backend is not called, and all messages count as sent."""
    called: list[Any] = []
    found = backend(client, "anymail.backends.sendgrid", lambda _, messages: called.append(messages))
    assert found.send_messages([Message(), Message()]) == 2
    assert called == []
    assert [event for event, _ in client.events] == ["mail.kept", "mail.kept"]
    mail = client.mails()[0]
    assert (mail["result"], mail["server"]) == ("kept", "anymail.backends.sendgrid.EmailBackend")
    assert (mail["html"], mail["to"]) == ("<p>Hi</p>", ["b@example.org", "c@example.org"])
    assert mail["attachments"] == [["a.txt", "", 4]]


def test_another_backend_is_called_and_noted(client: HookedClient):
    """The result is the project's; a failure is noted, and raised."""
    assert backend(client, "shop.mail", lambda _, messages: len(messages)).send_messages([Message()]) == 1

    def fail(_: Any, __: Any) -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        backend(client, "shop.mail", fail).send_messages([Message()])
    assert [each["result"] for each in client.mails()] == ["handed over", "failed"]
    assert client.events == []


def test_a_backend_on_smtplib_is_noted_once(client: HookedClient):
    """Mail that Django gives to smtplib is noted by the hook of smtplib, with the server."""

    def send(_: Any, messages: list[Any]) -> int:
        with client.module.SMTP("mail.example.invalid") as session:
            session.sendmail("a@example.org", ["b@example.org"], "Subject: inner\n\nText")
        return len(messages)

    assert backend(client, "shop.mail", send).send_messages([Message()]) == 1
    assert [(each["subject"], each["result"]) for each in client.mails()] == [("inner", "kept")]


def test_an_odd_message_is_sent_unchanged(client: HookedClient):
    """A message that can't be read is not noted, and the project gets the backend's result."""
    assert backend(client, "shop.mail", lambda _, __: 7).send_messages([object()]) == 7
    assert [event for event, _ in client.events] == ["hook.dropped"]
