"""The supervisor's log: one write for each event, for each batch of records, for the lines of each read of output.

Theory of operation. ``entries`` makes entries; those below the threshold are dropped, the others are masked, sanitised
and rendered by structlog's pipeline, without its global configuration; the lines go to ``write``. Consumers get a copy
of every line as JSON.
"""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from appliance.logs.access_rules import PLAIN, Rules
from appliance.logs.entries import Entries
from appliance.logs.event_logger import Destination, EventLogger, Threshold
from appliance.logs.render.json_line import json_renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from appliance.logs.entries import Access
    from appliance.logs.event_logger import Entry
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.logs.render.console import Console


class Log:
    """Logs the supervisor's events, and the records and output of its children. For one thread."""

    def __init__(
        self,
        logger: EventLogger,
        *,
        access: Access,
        rules: Rules = PLAIN,
        console: Console | None = None,
        complete: bool = False,
    ) -> None:
        self._logger = logger
        self._complete = complete  # its lines are JSON, and leave out nothing of info's level
        self._console = console
        self._release_planned = False
        self._call_later: Callable[[float, Callable[[], None]], object] | None = None  # (``attach``)
        self._access = access
        self._entries = Entries(rules)
        self._copies: list[Callable[[bytes, int], object]] = []  # (``copy_to``)
        self._copier: EventLogger | None = None
        self._masking: list[Callable[[Sequence[str]], object]] = []  # get the list of secrets

    def copy_to(self, write: Callable[[bytes, int], None], name_secrets: Callable[[Sequence[str]], object]) -> None:
        """Give every event from info's level up to ``write`` too, as lines of JSON; more than one may ask for it.

        ``write`` also gets how many of the lines are of requests; a few that are left out may be among them.
        ``name_secrets`` gets the texts that are masked in them, now and whenever there are more.

        Lines that the log leaves out are not left out here.

        If the log has all of them as JSON, its own lines are given: rendering them again costs 5 µs a line.
        """
        self._masking.append(name_secrets)
        name_secrets(self._logger.secrets)
        self._copies.append(write)
        if not self._complete and self._copier is None:
            self._copier = self._logger.copier(self._copy)

    def _copy(self, data: bytes) -> None:
        for write in self._copies:
            write(data, self._entries.requests)

    def attach(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        """Show lines that the console holds back when they are due; before, they come with the line after them."""
        self._call_later = call_later

    def add_secrets(self, variables: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """Mask the secrets in these variables and ``more`` texts from now on, and all earlier ones."""
        for logger in filter(None, (self._logger, self._copier)):
            logger.add_secrets(variables, more)
        for name_secrets in self._masking:
            name_secrets(self._logger.secrets)

    @property
    def is_for_people(self) -> bool:
        """Whether the lines are text, not JSON."""
        return self._console is not None

    def say(self, text: str) -> None:
        """Write lines that are not events, if the log is for people: the answer to a key."""
        if self._console is not None:
            self._logger.write(self._console.plain(self.masked(text)))

    def say_last_error(self) -> bool:
        """Write the last error once more, whole, if the log is for people; return whether there was one."""
        lines = self._console.last_error() if self._console is not None else b""
        if lines:
            self._logger.write(lines)
        return bool(lines)

    def masked(self, value: Any) -> Any:
        """Return a value of JSON's types with its secrets masked, for use outside of the log."""
        return self._logger.masked(value)

    def event(
        self,
        level: str,
        event: str,
        *,
        role: str = "supervisor",
        generation: int | None = None,
        at: float | None = None,
        **fields: Any,
    ) -> None:
        """Log one event of the table in ``events``; ``at`` in seconds since the epoch, default now."""
        moment = time.time() if at is None else at
        entry = self._entries.of_event(level, event, role, generation, fields, moment)
        self._write(lambda: (entry,))

    def records(self, batch: Sequence[Any], *, role: str, generation: int) -> int:
        """Log a child's records (``messages.Records``), in order, with one write. An invalid record becomes an event.

        Returns:
            How many records were of requests.
        """
        self._write(
            lambda: self._entries.of_records(batch, role, generation, self._access),
            lambda: self._entries.of_records(batch, role, generation, "on"),
        )
        if self._console is not None:
            self._plan_release(self._console)
        return self._entries.requests

    def _plan_release(self, console: Console) -> None:
        """Show a line that the console holds back once it is due."""
        if self._release_planned or self._call_later is None or (due_s := console.due_s) is None:
            return
        self._release_planned = True

        def release() -> None:
            self._release_planned = False
            if (left_s := console.due_s) is not None and left_s <= 0:
                self._logger.write(console.release())
            self._plan_release(console)

        self._call_later(max(0.0, due_s), release)

    def output(
        self,
        lines: Sequence[OutputLine],
        *,
        stream: str,
        role: str,
        generation: int | None,
        pid: int,
        companion: str = "",
    ) -> None:
        """Log the output of a process on a stream, with one write; ``pid`` is the stream's process."""
        self._write(lambda: self._entries.of_output(lines, stream, role, generation, pid, companion))

    def _write(
        self, entries: Callable[[], Iterable[Entry]], unfiltered: Callable[[], Iterable[Entry]] | None = None
    ) -> None:
        data = self._logger.batch(entries)
        if self._copier is None:
            if data and self._copies:
                self._copy(data)
        else:
            self._copier.batch(unfiltered or entries)


def make_log(
    write: Callable[[bytes], None],
    *,
    level: str,
    access: Access,
    console: Console | None = None,
    constant: Mapping[str, str] = MappingProxyType({}),
    rules: Rules = PLAIN,
) -> Log:
    """Make the supervisor's log: text with a ``console``, else lines of JSON, each with the ``constant`` fields."""
    processors: list[Callable[..., Any]] = [Threshold.at(level), console or json_renderer(constant)]
    logger = EventLogger(
        Destination(write), processors, {}, masks_first=console is not None, secret_names=rules.secret_names
    )
    complete = console is None and level in {"debug", "info"} and access == "on"
    return Log(logger, access=access, rules=rules, console=console, complete=complete)
