"""Keep the mail that the project sends with ``smtplib``, and note it for the page of its request.

Runs in the threads of the project.

Theory of operation. Where mail is kept, a session with a server begins as usual, but with ``SmtpSink`` in the place
of the socket: every library that uses smtplib works unchanged, and nothing leaves. Sessions with a server for tests are
not changed, and with APPLIANCE_MAIL=send no session is changed. In all cases a mail is noted when the project hands
over its text. If it is not certain that a server is for tests, the mail is kept.

Decision 53 says why.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import ERROR_MAX
from ....server.pages.tracebacks import safe_str
from ....server.wsgi.access_log.exchange import current
from . import mail_note
from .mail_destinations import is_for_tests, server_of
from .present_effects import present_effects
from .smtp_sink import SmtpSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from ..project_line import ProjectLine

HOOK = "notes of mail"
_DECISION = "mail servers"
_SERVER = "_appliance_server"  # the attribute of a session
_ACTION = "Set APPLIANCE_MAIL=send to have mail sent."

# Whether this context hands over a mail that is already noted.
_inside: ContextVar[bool] = ContextVar("appliance_mail", default=False)
# The subjects of what was noted, for a caller that notes only what nobody else has.
noted: ContextVar[list[str] | None] = ContextVar("appliance_noted_mail", default=None)


class MailHooks:
    """Hooks the clients of ``smtplib``, so that mail is kept or noted.

    Args:
        hooks: guards our code in the project's process.
        project_line: finds the line that sends a mail.
        keeps: whether mail is kept, and not sent.
    """

    def __init__(self, hooks: Hooks, project_line: ProjectLine, *, keeps: bool) -> None:
        self._hooks = hooks
        self._project_line = project_line
        self.keeps = keeps

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the library."""
        libraries.add("smtplib", HOOK, self._hook)

    def _hook(self, module: Any) -> None:
        smtp, lmtp = module.SMTP, module.LMTP
        if self.keeps:
            smtp.starttls = self._starttls(smtp.starttls)
            lmtp.connect = self._connect(lmtp.connect)
        smtp.connect = self._connect(smtp.connect)
        smtp.sendmail, smtp.data = self._sendmail(smtp.sendmail), self._data(smtp.data)

    def _connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def connect(session: Any, host: str = "localhost", port: int = 0, *given: Any, **named: Any) -> Any:
            if not self._hooks.call(_DECISION, self._is_kept, session, host, port, otherwise=self.keeps):
                return original(session, host, port, *given, **named)
            session.sock, session.file = SmtpSink(), None
            return session.getreply()

        return connect

    def _is_kept(self, session: Any, host: str, port: int) -> bool:
        try:
            server = server_of(str(host), int(port or 0), session.default_port)
        except ValueError:  # the name of a service, or no port at all: it is not certain where the mail would go
            return self.keeps
        setattr(session, _SERVER, f"{server[0]}:{server[1]}")
        return self.keeps and not is_for_tests(*server)

    def _starttls(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def starttls(session: Any, *given: Any, **named: Any) -> Any:
            if not isinstance(session.sock, SmtpSink):
                return original(session, *given, **named)
            session.ehlo_or_helo_if_needed()
            reply = session.docmd("STARTTLS")
            session.file = session.helo_resp = session.ehlo_resp = None  # RFC 3207: both sides begin again
            session.esmtp_features, session.does_esmtp = {}, False
            return reply

        return starttls

    def _sendmail(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def sendmail(session: Any, from_addr: Any, to_addrs: Any, msg: Any, *given: Any, **named: Any) -> Any:
            call = functools.partial(original, session, from_addr, to_addrs, msg, *given, **named)
            return self._noted(call, session, msg, (from_addr, to_addrs))

        return sendmail

    def _data(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def data(session: Any, msg: Any) -> Any:
            return self._noted(functools.partial(original, session, msg), session, msg, None)

        return data

    def _noted(self, send: Callable[[], Any], session: Any, message: Any, between: tuple[Any, Any] | None) -> Any:
        """Call ``send``, and note the mail with its end, unless a caller does that."""
        if _inside.get():
            return send()
        token, began, failure = _inside.set(True), monotonic(), None
        try:
            return send()
        except BaseException as error:
            failure = error
            raise
        finally:
            _inside.reset(token)
            self._hooks.call(HOOK, self._note_smtp, session, message, between, began, failure, otherwise=None)
            failure = None  # break the reference cycle with the frame

    def _note_smtp(
        self, session: Any, message: Any, between: tuple[Any, Any] | None, began: float, failure: BaseException | None
    ) -> None:
        kept = isinstance(session.sock, SmtpSink)
        if not kept and present_effects() is None:
            return
        note = mail_note.of_bytes(message)
        if between is None:
            named = dict(note["fields"])
            between = (named.get("From", ""), [named[name] for name in ("To", "Cc") if name in named])
        note |= mail_note.envelope(*between)
        note["server"] = str(getattr(session, _SERVER, ""))
        self.note(note, began, failure, kept=kept)

    def note(self, note: mail_note.Note, began: float, failure: BaseException | None, *, kept: bool) -> None:
        """Add a mail to its request, and report one that was kept."""
        if (found := noted.get()) is not None:
            found.append(note["subject"])
        exchange = current.get()
        note["place"] = self._project_line.find()
        if kept and failure is None:
            fields = {"to": ", ".join(note["to"][:3]), "subject": note["subject"], "action": _ACTION}
            fields |= {"request_id": exchange.request_id} if exchange is not None else {}
            self._hooks.report("info", "mail.kept", fields)
        effects = present_effects()
        if exchange is None or effects is None:
            return
        note["took_us"] = int((monotonic() - began) * 1_000_000)
        note["began_us"] = int((began - exchange.started) * 1_000_000)
        note["result"] = "failed" if failure is not None else "kept" if kept else "handed over"
        if failure is not None:
            note["error"] = f"{type(failure).__name__}: {safe_str(failure, ERROR_MAX)}"
        effects.add_mail(note)
