"""A copy of smtplib of its own, with the hooks: nothing else in the process is changed."""

from __future__ import annotations

import importlib.util
import smtplib
from typing import Any

from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.effects.mail_hooks import MailHooks
from appliance.worker.instrumentation.project_line import ProjectLine


class HookedClient:
    """A hooked copy of smtplib.

    Attributes:
        module: the copy.
        events: what was reported.
        exchange: a request that is recorded.
    """

    def __init__(self, *, keeps: bool = True) -> None:
        spec: Any = importlib.util.spec_from_file_location("smtplib_copy", smtplib.__file__)
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.events: list[tuple[str, dict[str, object]]] = []
        self.hooks = Hooks()
        self.hooks.report_to(lambda _, event, fields: self.events.append((event, fields)))
        self.mail = MailHooks(self.hooks, ProjectLine(lambda name: name == __file__), keeps=keeps)
        self.mail._hook(self.module)
        self.exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "id")
        self.details = Details(b"")
        self.exchange.details = self.details

    def mails(self) -> list[dict[str, Any]]:
        """Return the mails that were noted."""
        found: list[dict[str, Any]] = self.details.effects.to_wire().get("mails", [])
        return found
