"""The states of a connection: what holds after any events, in any order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.server.http.limits import Limits
from appliance.server.pool.connection import Connection
from appliance.server.pool.connections import Connections
from appliance.server.pool.tables import connection_states as states
from tests.server.reached import reached

ENDS = {states.TAKEN, states.MOVED, states.CLOSED}
WATCHED = {states.PARKED, states.PROBED, states.LINGERING}  # nobody else would bring these on
EVENT = st.integers(0, len(states.EVENTS) - 1)


@dataclass(frozen=True)
class Model:
    """The state of one connection, as the actions have left it."""

    state: int = states.READY
    queued: int = 1
    known: bool = True  # as one of the server's
    watched: bool = False
    closed: int = 0
    probed: int = 0
    bodies: int = 0

    def after(self, event: int) -> Model:
        """Return the model after an event, with the actions that ``Connections`` performs."""
        state, actions = states.STEPS[self.state][event]
        done = Counter(actions)
        # A look takes the connection from the queue; a probe watches it by itself.
        looked = self.state == states.READY and event in LOOKS
        watched = self.watched
        for action in actions:
            watched = {states.WATCH: True, states.UNWATCH: False, states.PROBE_BEGAN: True}.get(action, watched)
        return Model(
            state,
            self.queued - looked + done[states.ENQUEUE],
            self.known and not done[states.REMOVE],
            watched,
            self.closed + done[states.CLOSE],
            self.probed + done[states.PROBE_BEGAN] - done[states.PROBE_ENDED],
            self.bodies + done[states.BODY_BEGAN] - done[states.BODY_ENDED],
        )


LOOKS = {states.FOUND_REQUEST, states.FOUND_NOTHING, states.PUT_OFF, states.IN_DOUBT}


def check(model: Model) -> None:
    """Check the invariants of a connection."""
    ended = model.state in ENDS
    if not ended:
        assert model.queued == (model.state == states.READY), "it waits in the queue once, or somebody else has it"
    assert model.known == (not ended), "the server knows it until it is another's"
    assert model.watched or model.state not in WATCHED, "somebody brings it on"
    assert not (ended and model.watched), "no descriptor is watched that may be another's"
    assert model.closed == (model.state == states.CLOSED), "it is closed once, and nobody closes another's"
    assert model.probed == (model.state == states.PROBED)
    assert model.bodies == (model.state == states.RECEIVING)


@given(st.lists(EVENT))
def test_no_sequence_loses_a_connection(events: list[int]):
    """After any events a connection is in a listed state, and one party has it: none is lost or served twice."""
    model = Model()
    check(model)
    for event in events:
        before, model = model, model.after(event)
        assert 0 <= model.state < len(states.STATES)
        check(model)
        if before.state in ENDS:
            assert model.state in {before.state, states.CLOSED}, "what was given away is not served again"
            assert model.queued == before.queued


def test_all_states_are_reached_and_none_is_a_dead_end():
    """Each state of the table is reached, and from each there is a way to the connection's end."""
    seen = set()
    for model in reached(Model(), lambda model: map(model.after, range(len(states.EVENTS)))):
        check(model)
        seen.add(model.state)
    assert seen == set(range(len(states.STATES)))
    for row in states.ROWS.values():
        assert not row or row[states.FINISHED][0] == states.CLOSED
    assert set(states.ROWS) == set(range(len(states.STATES)))


class Socket:
    """A descriptor without a socket."""

    def fileno(self) -> int:
        return 7


class Wire:
    """A whole request was received; counts how often it was closed."""

    sock = Socket()
    movable = True
    ended = False
    lenient = False

    def __init__(self) -> None:
        self.buffer = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        self.closed = 0

    def pop_head(self) -> bytes | None:
        head, self.buffer = self.buffer, b""
        return head or None

    receive_head = pop_head

    def fill(self) -> bool:
        return False

    def close(self) -> None:
        self.closed += 1


class Handler:
    """A connection's handler, before a request."""

    refusal = raw = head = None


class Poller:
    """Knows which descriptors are registered, and refuses what a real one does."""

    def __init__(self) -> None:
        self.known: set[int] = set()

    def register(self, descriptor: int) -> None:
        assert descriptor not in self.known
        self.known.add(descriptor)

    def unregister(self, descriptor: int) -> None:
        self.known.remove(descriptor)


@pytest.fixture
def parts() -> tuple[Connections, Connection, Wire, Poller]:
    """A server's connections, one of them."""
    poller, wire = Poller(), Wire()
    connections = Connections(cast("Any", poller), Limits())
    connection = Connection(cast("Any", Handler()), cast("Any", wire), 0.0)
    connections.locked_add(connection)
    return connections, connection, wire, poller


@pytest.mark.parametrize("event", [states.FINISHED, states.HANDED_OVER])
def test_what_was_given_up_in_the_queue_is_not_served(parts: Any, event: int):
    """A connection that was closed or passed on while it waited in the queue is not served, its request unread."""
    connections, connection, wire, _ = parts
    connections.locked_on(connection, event)
    assert connections.locked_next(0.0) is None
    assert wire.buffer
    assert len(connections) == 0


@given(st.lists(EVENT))
def test_actions_are_performed(events: list[int]):
    """The connections do what the table says: the queue, the poller, the counts and the socket are as the model's."""
    poller, wire = Poller(), Wire()
    connections = Connections(cast("Any", poller), Limits())
    connection = Connection(cast("Any", Handler()), cast("Any", wire), 0.0)
    connections.locked_add(connection)
    model = Model()
    for event in events:
        if connection.state == states.READY and event in LOOKS:
            connections.ready.remove(connection)
            if event == states.IN_DOUBT and not connection.registered:
                poller.register(connection.descriptor)
                connection.registered = True
        connections.locked_on(connection, event)
        model = model.after(event)
        made = (
            connection.state, connections.ready.count(connection), len(connections), bool(poller.known), wire.closed,
            connections.probed, connections.receiving,
        )  # fmt: skip
        assert made == (
            model.state, model.queued, model.known, model.watched, model.closed, model.probed, model.bodies,
        )  # fmt: skip


def test_the_steps_of_every_request_are_those_of_the_table():
    """Each step that the code takes without a look into the table is a step of the table."""
    assert all(states.STEPS[state][event] == step for state, event, step in states.SHORTCUTS)
