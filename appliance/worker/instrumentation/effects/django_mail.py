"""Keep and note the mail that Django gives to a backend without ``smtplib``: files, the console, an API of a provider.

Mail of Django's own SMTP backend is ``mail_hooks``' own. Runs in the threads of the project.
"""

from __future__ import annotations

import functools
from time import monotonic
from typing import TYPE_CHECKING, Any

from . import mail_note
from .mail_hooks import HOOK, noted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from .mail_hooks import MailHooks

# Packages whose backends send over HTTP. The project is responsible for other backends.
_PROVIDERS = frozenset({"anymail", "django_ses", "django_mailgun", "postmarker", "sendgrid_backend", "sparkpost"})
_SMTP = "django.core.mail.backends.smtp"


class DjangoMail:
    """Hooks Django's mail backends.

    Args:
        hooks: guards our code in the project's process.
        mail: notes the mail.
    """

    def __init__(self, hooks: Hooks, mail: MailHooks) -> None:
        self._hooks = hooks
        self._mail = mail
        self._hooked: set[type] = set()

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the library."""
        libraries.add("django.core.mail", HOOK, self._hook)

    def _hook(self, module: Any) -> None:
        original = module.get_connection

        @functools.wraps(original)
        def get_connection(*given: Any, **named: Any) -> Any:
            connection = original(*given, **named)
            self._hooks.call(HOOK, self._hook_backend, type(connection), otherwise=None)
            return connection

        module.get_connection = get_connection

    def _hook_backend(self, kind: Any) -> None:
        """Hook into a class of backends once; not where mail goes through smtplib."""
        if kind in self._hooked or any(each.__module__ == _SMTP for each in kind.__mro__):
            return
        self._hooked.add(kind)
        kind.send_messages = self._send_messages(kind.send_messages)

    def _send_messages(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def send_messages(backend: Any, email_messages: Any) -> Any:
            messages = list(email_messages or ())
            kept = self._mail.keeps and type(backend).__module__.partition(".")[0] in _PROVIDERS
            found: list[str] = []  # noted by another backend or by smtplib, which this backend uses
            token, began, failure = noted.set(found), monotonic(), None
            try:
                return len(messages) if kept else original(backend, messages)
            except BaseException as error:
                failure = error
                raise
            finally:
                noted.reset(token)
                if not found:
                    note = functools.partial(self._note, backend, messages, began, failure, kept=kept)
                    self._hooks.call(HOOK, note, otherwise=None)
                failure = None  # break the reference cycle with the frame

        return send_messages

    def _note(
        self, backend: Any, messages: list[Any], began: float, failure: BaseException | None, *, kept: bool
    ) -> None:
        for each in messages:
            note = mail_note.of_django(each)
            note["server"] = f"{type(backend).__module__}.{type(backend).__qualname__}"
            self._mail.note(note, began, failure, kept=kept)
