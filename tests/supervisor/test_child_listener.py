"""Events of the children reach the parts concerned; a defect in one part hides nothing from the others."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appliance.logs.log import Log
from appliance.protocol import messages
from appliance.protocol.channel import ChannelError
from appliance.protocol.record import Message
from appliance.supervisor.child_listener import ChildListener, Routes
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.reporting.defects import Defects
from tests.supervisor.fakes import FakeLog, handle

AWAITED: list[Message] = [
    messages.Ready(import_s=0.1, began=0.0, application="app", how="", swapped=[]),
    messages.Failed(report={}),
    messages.ForkMismatch(why="", modules=[], stale=False),
    messages.Preloaded(found={}, refused="", import_s=0.1),
]
RECORDS = messages.Records(batch=[])


class Site:
    """A listener, and the calls that it passes on.

    Attributes:
        calls: what was called, with the child's role.
        failing: the calls that raise.
    """

    def __init__(self) -> None:
        self.log = FakeLog()
        self.calls: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        log = cast("Log", self.log)
        self.listener = ChildListener(log, Defects(log))

    def called(self, name: str) -> Callable[..., None]:
        """Return a function that notes its call by this name."""

        def call(child: Any = None, *_: Any) -> None:
            self.calls.append((name, child.role if isinstance(child, Handle) else ""))
            if name in self.failing:
                raise LookupError(name)

        return call

    def route(self, *, admits: bool = True) -> None:
        """Route everything to what notes it."""
        ingest: Any = SimpleNamespace(output=self.called("log's output"), ended=self.called("log's ended"))
        self.listener.route(
            Routes(
                handlers={type(each): self.called("handler") for each in (*AWAITED, RECORDS)},
                admits=lambda *_: admits,
                log=ingest,
                outputs={Role.INSTALLER: self.called("output")},
                ends={Role.WORKER: self.called("worker's end")},
                each_end=(self.called("first end"), self.called("second end")),
                after_end=self.called("after"),
            )
        )

    def reported(self) -> int:
        """How many defects of the supervisor the log has."""
        return len(self.log.named("supervisor.failed"))


@pytest.fixture
def site() -> Site:
    """A listener with all its routes."""
    site = Site()
    site.route()
    return site


@pytest.fixture
def child() -> Iterator[Handle]:
    """A real child in a group of its own, which sends back what it reads."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        child = handle(pid=process.pid)
        child.process = cast("Any", process)
        yield child
        process.kill()


@pytest.mark.parametrize("message", AWAITED, ids=lambda message: message.kind)
def test_a_child_that_waits_for_an_answer_is_ended(site: Site, child: Handle, message: Message):
    """If the handler of a message raises, a sender that waits for its answer is killed; that is logged as a defect."""
    site.failing.add("handler")
    site.listener.message(child, message, [])
    assert cast("Any", child.process).wait(timeout=30) == -9
    assert site.reported() == 1


def test_a_child_that_waits_for_nothing_goes_on(site: Site, child: Handle):
    """If the handler of another message raises, that is one defect in the log, and the child goes on."""
    site.failing.add("handler")
    site.listener.message(child, RECORDS, [])
    process = cast("Any", child.process)
    assert process.communicate(b"alive", timeout=30)[0] == b"alive"
    assert process.returncode == 0
    assert site.reported() == 1


@pytest.mark.parametrize("message", [*AWAITED, RECORDS], ids=lambda message: message.kind)
def test_a_message_reaches_its_handler(site: Site, message: Message):
    """A message that the child may send is passed on once, and nothing is reported."""
    site.listener.message(handle("worker"), message, [])
    assert site.calls == [("handler", "worker")]
    assert site.log.events == []


@pytest.mark.parametrize("known", [True, False])
def test_what_a_child_may_not_send_is_refused(known: bool):
    """A message that this child may not send, or that nothing takes, is an error of its channel, which names both."""
    site = Site()
    site.route(admits=not known)
    message = RECORDS if known else messages.StartAccepting()
    with pytest.raises(ChannelError, match=f"{message.kind} is nothing that a standin sends"):
        site.listener.message(handle("standin"), message, [])
    assert site.calls == []


@pytest.mark.parametrize("failing", ["log's ended", "first end", "second end", "worker's end"])
def test_each_part_learns_of_an_end(site: Site, failing: str):
    """If one part raises on the end of a child, the others are still told, in their order; that is one defect."""
    site.failing.add(failing)
    site.listener.ended(handle("worker"))
    assert [name for name, _ in site.calls] == ["log's ended", "first end", "second end", "worker's end", "after"]
    assert site.reported() == 1


@pytest.mark.parametrize(("role", "ending", "told"), [("standin", False, 1), ("standin", True, 0), ("guard", False, 0)])
def test_a_standin_that_ends_by_itself_is_an_error(site: Site, role: str, ending: bool, told: int):
    """Only the end of a stand-in that was not asked to end is an error, which says how it ended."""
    child = handle(role)
    child.ending, child.returncode = ending, -9
    site.listener.ended(child)
    assert [fields["reason"] for fields in site.log.named("standin.ended")] == ["killed by SIGKILL"] * told
    assert site.calls[-1][0] == "after"


@pytest.mark.parametrize(("role", "calls"), [("worker", ["log's output"]), ("installer", ["output"])])
def test_output_goes_to_the_log_or_to_its_part(site: Site, role: str, calls: list[str]):
    """The output of a child is logged; an installer's becomes events of the installation instead."""
    site.listener.output(handle(role), "stdout", [])
    assert [name for name, _ in site.calls] == calls


def test_nothing_is_passed_on_before_there_are_routes():
    """Before a listener has its routes, output and ends are ignored, and a message is refused."""
    site = Site()
    site.listener.output(handle(), "stdout", [])
    site.listener.ended(handle())
    with pytest.raises(ChannelError):
        site.listener.message(handle(), RECORDS, [])
    assert site.calls == []


def test_a_channel_that_fails_and_an_orphan_are_logged(site: Site):
    """A failed channel is an error with its child and its reason; an orphan that was reaped has its status."""
    child = handle("worker", pid=7)
    site.listener.channel_failed(child, "no JSON")
    site.listener.orphan_ended(8, 256)
    assert site.log.events == [
        ("error", "channel.failed", {"role": "worker", "generation": 0, "pid": 7, "reason": "no JSON"}),
        ("debug", "process.reaped", {"pid": 8, "status": 1}),
    ]
