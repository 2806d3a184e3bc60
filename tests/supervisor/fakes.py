"""A loop, children and a log that only remember: what the supervisor decides is tested without a process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from appliance.errors import StartError
from appliance.logs.events import EVENTS
from appliance.protocol.record import Message
from appliance.supervisor.loop import Timer
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle

_ALWAYS = ("role", "generation")
_PIDS = itertools.count(1_000_000_000)  # no process has such a pid


def handle(role: str = "worker", *, forked: bool = False, pid: int | None = None) -> Handle:
    """A child without a process of ours; ``pid`` 0 for one that has not been forked yet."""
    process: Any = None if forked else SimpleNamespace()
    return Handle(Role(role), 0, next(_PIDS) if pid is None else pid, {}, process=process)


def no_process() -> StartError:
    """Return the error of a start without a process."""
    return StartError("no process", expected="one", action="wait", what="a process", passing=False)


class FakeLoop:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self.on_error: Callable[[Exception], None] | None = None
        self._timers: list[Timer] = []
        self._posted: list[Callable[[], None]] = []

    def call_later(self, after_s: float, call: Callable[[], None]) -> Timer:
        """As the loop's."""
        self._timers.append(Timer(self.now + after_s, call))
        return self._timers[-1]

    def post(self, call: Callable[[], None]) -> None:
        """As the loop's."""
        self._posted.append(call)

    def advance(self, seconds: float = 0.0) -> None:
        """Let that much time pass: what was posted is called, and each timer that is due, in their order."""
        until = self.now + seconds
        while True:
            while self._posted:
                self._posted.pop(0)()
            due = [timer for timer in self._timers if timer.due <= until]
            if not due:
                break
            timer = min(due, key=lambda each: each.due)
            self._timers.remove(timer)
            self.now = max(self.now, timer.due)
            timer.fire()
        self.now = until


class FakeChildren:
    """Children that only remember the messages and calls that they get.

    Attributes:
        sent: each message with the child it went to, in order.
        passed: the descriptors that went with each.
        retired: the children that were asked to end, each with its grace.
        options: the other arguments of each of these calls.
        left: children that may go on for so long.
        refusing: send raises this.
        unretirable: retire raises this.
        last_unread: as the supervisor's.
    """

    def __init__(self) -> None:
        self.last_unread = float("-inf")
        self.alive: list[Handle] = []
        self.sent: list[tuple[Handle, Message]] = []
        self.passed: list[list[int]] = []
        self.retired: list[tuple[Handle, float]] = []
        self.options: list[dict[str, object]] = []
        self.left: list[tuple[Handle, float]] = []
        self.cuts: list[Handle] = []
        self.refusing: Exception | None = None
        self.unretirable: OSError | None = None
        self.ended: Callable[[Handle], None] = lambda _: None

    def living(self) -> tuple[Handle, ...]:
        """As the supervisor's."""
        return tuple(self.alive)

    def add(self, child: Handle) -> Handle:
        """As the supervisor's."""
        self.alive.append(child)
        return child

    def send(self, child: Handle, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """As the supervisor's."""
        if self.refusing is not None:
            raise self.refusing
        if child not in self.alive:
            return False
        self.sent.append((child, message))
        self.passed.append(list(descriptors))
        return True

    def kill(self, child: Handle) -> None:
        """As the supervisor's: its end is reported at once."""
        child.ending = True
        self.end(child, -9)

    def retire(self, child: Handle, grace_s: float, **options: object) -> None:
        """As the supervisor's; its end is the test's to say."""
        child.ending = True
        if self.unretirable is not None:
            raise self.unretirable
        self.retired.append((child, grace_s))
        self.options.append(options)

    def expect_end(self, child: Handle) -> None:
        """As the supervisor's."""
        child.mark_ending()

    def set_deadline(self, child: Handle, within_s: float) -> None:
        """As the supervisor's."""
        self.left.append((child, within_s))

    def terminate(self, child: Handle) -> None:
        """As the supervisor's."""
        self.cuts.append(child)

    def end(self, child: Handle, returncode: int | None = 0) -> None:
        """The process has ended, by itself perhaps."""
        if child in self.alive:
            self.alive.remove(child)
            child.returncode = returncode
            self.ended(child)

    def messages(self, kind: type[Message]) -> list[Handle]:
        """The children that were sent a message of this kind, in order."""
        return [child for child, message in self.sent if isinstance(message, kind)]


class FakeLog:
    """A log that keeps its events, each as the table of events has it: its name, its level and its fields."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.on_event: Callable[[], None] = lambda: None
        self.secret_variables: dict[str, str] = {}

    def add_secrets(self, variables: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """As the log's: it keeps the variables."""
        self.secret_variables |= variables

    def masked(self, value: Any) -> Any:
        """As the log's, without a secret."""
        return value

    def event(self, level: str, event: str, **fields: object) -> None:
        """As the log's."""
        documented = EVENTS[event]
        assert level in documented.level.split(", "), (level, event)
        # An error has its three parts, and may have details of its own.
        assert fields.keys() <= {*documented.fields, *_ALWAYS} or "found" in fields, event
        self.on_event()
        self.events.append((level, event, fields))

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of each event of this name."""
        return [fields for _, name, fields in self.events if name == event]


class Holding:
    """Holds each failure back until the test has it reported."""

    def __init__(self) -> None:
        self.holds = True
        self.held: list[tuple[str, Callable[[], None]]] = []

    def __call__(self, what: str, again: Callable[[], None]) -> bool:
        """As ``HeldFailures.hold``."""
        if self.holds:
            self.held.append((what, again))
        return self.holds

    def release(self) -> None:
        """No more files arrive: what is held is asked about again."""
        self.holds = False
        for _, again in self.held:
            again()
