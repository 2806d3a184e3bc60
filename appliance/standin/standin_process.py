"""Run a stand-in: do what the supervisor's messages say, in one server that lives as long as the process.

This process loads nothing of the project. Runs in the stand-in, in the appliance's own interpreter.

Theory of operation. While no worker serves, the server accepts, and answers the project's requests with the
supervisor's page. While one serves, the server does not accept: it gets the connections on which a page of the
appliance was asked for, answers, and hands each back.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Any

from appliance.plural import counted
from appliance.protocol.channel import Channel, ChannelError
from appliance.protocol.messages import Drain, Ready, TakeConnections
from appliance.protocol.page_messages import (
    PublishAssets,
    PublishPin,
    PublishRevision,
    RecorderAnswers,
    RemedyProgress,
    SetRemedies,
    SetStandInPage,
    StopAccepting,
)
from appliance.protocol.start.needed_thread import start_needed
from appliance.server.browser.own_paths import is_own_request
from appliance.server.pool.request_handoff import RequestHandoff
from appliance.server.wsgi.access_log.exchange import current
from appliance.worker.serving_process import Connections, hand_over, make_server, received_connections, tls_context

from .access_policy import AccessPolicy
from .desk_pages.desk import Desk
from .desk_pages.machine.machine_pages import MachinePages
from .desk_pages.page_frame import PageAnswers
from .event_stream import EventStream
from .hold_rule import HoldRule
from .overlay import overlay
from .own_pages import OwnPages
from .programs.program_routes import ProgramRoutes
from .quiet_sink import QuietSink
from .remedy_pages import RemedyPages
from .replay_pages.pin_pages import PinPages
from .replay_pages.recorder_link import RecorderLink
from .replay_pages.replay_routes import ReplayPages
from .replay_pages.request_test_page import WrittenPages
from .waiting_page import WaitingPage

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from appliance.protocol.record import Message
    from appliance.protocol.start.first_messages import Start
    from appliance.server.http.head import Head

_THREADS = 32  # a page that waits for a change holds one


class StandIn:
    """The server, and what its pages show.

    Args:
        channel: to the supervisor.
        listener: the listening socket, which this process only accepts on.
        start: the supervisor's first message.
    """

    def __init__(self, channel: Channel, listener: socket.socket, start: Start) -> None:
        self._channel = channel
        self._sink = QuietSink(channel)
        self._page = WaitingPage()
        self._stream = EventStream()
        self._generation = 0  # the one that serves; 0: none does, the page is shown
        self._handling = threading.Event()  # set while a message is read and handled
        options = start.options
        pages = options["pages"]
        self._run_id = pages["run_id"] if pages is not None else ""
        self._own_pages: OwnPages | None = None
        self._remedies: RemedyPages | None = None
        self._desk: Desk | None = None
        self._programs: ProgramRoutes | None = None
        self._recorder = RecorderLink(channel.send)
        self._pins: PinPages | None = None
        if pages is not None:
            policy = AccessPolicy(pages["token"], pages["public_url"])
            self._remedies = RemedyPages(channel.send, self._stream, policy.page_value)
            answers = PageAnswers(lambda: str(self._status()["lead"]), records=bool(pages["desk"]))
            if pages["desk"]:
                replays = ReplayPages(self._recorder, policy.page_value, answers)
                self._pins = PinPages(self._recorder, policy.page_value, answers, self._stream)
                written = WrittenPages(pages["desk"], start.root, policy.page_value, answers)
                self._desk = Desk(pages["desk"], answers, start.root, replays, self._pins, written)
            self._programs = ProgramRoutes(pages["socket"], pages["assistants"], policy, self._sink.event)
            self._own_pages = OwnPages(
                policy, self._page, self._stream, self._sink.event, self._status, self._remedies,
                machine=MachinePages(pages["socket"], answers), desk=self._desk, programs=self._programs,
            )  # fmt: skip
        self._server = make_server(
            listener,
            self._application,
            self._sink,
            {**options, "threads": _THREADS, "limits": {**options["limits"], "slow_request_s": 0}},
            tls=tls_context(options),
            accepting=False,
            handoff=RequestHandoff(self._is_the_workers, self._hand_over),
        )

    def run(self, received: list[tuple[Message, list[int]]]) -> None:
        """Serve until the supervisor ends it. ``received``: messages that came with the first one."""
        for message, descriptors in received:
            self._handle(message, descriptors)
        start_needed(threading.Thread(target=self._control, name="appliance-control", daemon=True))
        self._channel.send(Ready(application="stand-in"))
        self._server.serve_forever()
        self._sink.flush()

    # -- requests

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange = current.get()  # its head has the path as it was sent, whatever form the target has
        own = exchange is not None and exchange.head is not None and is_own_request(exchange.head)
        if own and self._own_pages is not None:
            return self._own_pages.application(environ, start_response)
        return self._page.application(environ, start_response)

    def _is_the_workers(self, head: Head) -> bool:
        return bool(self._generation) and not is_own_request(head)

    def _hand_over(self, connections: Connections, peers: list[str] | None = None) -> None:
        hand_over(self._channel, connections, peers or ())

    def _status(self) -> dict[str, Any]:
        """Return the page at the root of the appliance's own."""
        serving = f"Generation {self._generation} of the project serves." if self._generation else "No worker serves."
        count = self._stream.listeners
        browsers = counted(count, "browser") if count else "No browser"
        listens = f"{browsers} {'have' if count > 1 else 'has'} a page of it open."
        action = "The command `appliance status` tells more."
        return {"status": 200, "title": "The appliance", "lead": f"{serving} {listens}", "action": action}

    # -- messages

    def _control(self) -> None:
        """Read the channel until it ends, and this process with it."""
        readable = select.poll()
        readable.register(self._channel.fileno(), select.POLLIN)
        try:
            while True:
                readable.poll()
                self._handling.set()
                for message, descriptors in self._channel.receive():
                    self._handle(message, descriptors)
                self._handling.clear()
        except ChannelError:
            os._exit(1)  # the supervisor has gone
        except BaseException:  # noqa: BLE001  a defect of ours: without this thread the process could never be ended
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    def _handle(self, message: Message, descriptors: list[int]) -> None:
        if isinstance(message, SetStandInPage):
            self._show(message)
        elif isinstance(message, StopAccepting):
            self._stop_accepting(message.generation)
        elif isinstance(message, TakeConnections):
            self._server.take(received_connections(message, descriptors), message.peers)
        elif isinstance(message, (SetRemedies, RemedyProgress)):
            self._tell_remedies(message)
        elif isinstance(message, (RecorderAnswers, PublishPin)):
            self._tell_replays(message)
        elif isinstance(message, PublishAssets):
            self._stream.publish_assets(message.paths)
        elif isinstance(message, PublishRevision):
            if message.generation == self._generation:
                self._publish(message.generation, None, message.revision)
        elif isinstance(message, Drain):
            self._drain()

    def _tell_replays(self, message: RecorderAnswers | PublishPin) -> None:
        if isinstance(message, RecorderAnswers):
            self._recorder.answered(message)
        elif self._pins is not None:
            self._pins.publish(message.pin)

    def _tell_remedies(self, message: SetRemedies | RemedyProgress) -> None:
        if self._remedies is None:
            return
        if isinstance(message, SetRemedies):
            self._remedies.set(message.remedies)
        else:
            self._remedies.progress(message)

    def _drain(self) -> None:
        self._stream.close()
        if self._desk is not None:
            self._desk.close()
        if self._programs is not None:
            self._programs.close()
        self._page.stop()
        self._server.drain(self._hand_over)

    def _show(self, message: SetStandInPage) -> None:
        """Accept, and answer the project's requests with this page."""
        self._page.show(message.page)
        self._server.hold = HoldRule(message, self._channel, self._handling)
        self._generation = 0
        self._server.start_accepting()
        self._publish(0, overlay(message.page))

    def _stop_accepting(self, generation: int) -> None:
        """Leave the listening socket and the project's requests to this generation's worker."""
        self._generation = generation
        self._server.hold = None
        self._server.stop_accepting(self._hand_over)
        self._page.stop()
        self._publish(generation, None)

    def _publish(self, generation: int, page: dict[str, Any] | None, revision: int = 0) -> None:
        state = {"run": self._run_id, "generation": generation, "revision": revision, "page": page}
        self._stream.publish_state(state)
