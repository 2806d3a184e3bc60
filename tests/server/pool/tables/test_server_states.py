"""The life of a server: what holds after any events, in any order, in the table and in the server that performs it."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.pool.tables import server_states
from appliance.server.wsgi.access_log.sink import NullSink
from tests.server.reached import reached

EVENT = st.integers(0, len(server_states.EVENTS) - 1)


@dataclass(frozen=True)
class Model:
    """The state of a server, as the actions have left it."""

    state: int = server_states.CLOSED
    accepts: bool = False
    hands_over: bool = False
    aborted: int = 0

    def after(self, event: int) -> Model:
        """Return the model after an event."""
        state, actions = server_states.STEPS[self.state][event]
        accepts, hands_over = self.accepts, self.hands_over
        for action in actions:
            accepts = {server_states.OPEN: True, server_states.SHUT: False}.get(action, accepts)
            hands_over = {server_states.HAND_OVER_IDLE: True, server_states.KEEP_IDLE: False}.get(action, hands_over)
        return Model(state, accepts, hands_over, self.aborted + actions.count(server_states.ABORT_ENDLESS))


def check(model: Model) -> None:
    """Check the invariants of a server."""
    assert 0 <= model.state < len(server_states.STATES)
    assert model.accepts == (model.state == server_states.ACCEPTING)
    if model.state != server_states.OVER:
        assert model.hands_over == (model.state in {server_states.SHEDDING, server_states.DRAINING})
    assert bool(model.aborted) == (model.state in {server_states.DRAINING, server_states.OVER})


@given(st.lists(EVENT))
def test_no_sequence_leaves_the_table(events: list[int]):
    """After any events a server accepts in one state alone, and one that drains or is over never accepts again."""
    model = Model()
    check(model)
    for event in events:
        before, model = model, model.after(event)
        check(model)
        if before.state in {server_states.DRAINING, server_states.OVER}:
            assert model.state in {before.state, server_states.OVER}


def test_each_state_is_reached_and_ends():
    """Each state of the table is reached, and from each a stop, or what a drain finds at last, leads to the end."""
    seen = set()
    for model in reached(Model(), lambda model: map(model.after, range(len(server_states.EVENTS)))):
        seen.add(model.state)
        assert model.after(server_states.STOP).state == server_states.OVER
        assert model.after(server_states.DRAIN).after(server_states.DRAINED).state == server_states.OVER
    assert seen == set(server_states.ROWS) == set(range(len(server_states.STATES)))
    done = {action for row in server_states.ROWS.values() for _, actions in row.values() for action in actions}
    assert done == {
        server_states.OPEN,
        server_states.SHUT,
        server_states.KEEP_IDLE,
        server_states.HAND_OVER_IDLE,
        server_states.ABORT_ENDLESS,
    }


def test_a_request_made_twice_is_done_once():
    """A second request for the same changes nothing, except that what was taken meanwhile is handed over too."""
    for state in range(len(server_states.STATES)):
        for event in range(len(server_states.EVENTS)):
            after = server_states.STEPS[state][event][0]
            again, actions = server_states.STEPS[after][event]
            assert again == after
            assert actions == (
                (server_states.HAND_OVER_IDLE,)
                if (after, event) == (server_states.SHEDDING, server_states.SHED)
                else ()
            )


@pytest.fixture(scope="module")
def listener():
    """One listening socket for all examples."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@given(st.lists(st.sampled_from([server_states.START, server_states.SHED, server_states.DRAIN, server_states.STOP])))
def test_the_server_performs_the_actions(listener: socket.socket, events: list[int]):
    """A server does what the table says: it accepts, hands over what is idle, or turns away what comes too late."""
    with ExitStack() as stack:
        server = PooledWSGIServer(listener, lambda *_: [], sink=NullSink(), accepting=False)
        stack.callback(server.parts.poller.close)
        model = Model()
        for event in events:
            given: list[tuple[socket.socket, bytes]] = []
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            stack.callback(theirs.close)
            server.take([(theirs, b"early")])
            taken = theirs.fileno() in server.parts.connections._connections
            assert taken == (model.state != server_states.OVER)
            if event == server_states.START:
                server.start_accepting()
            elif event == server_states.STOP:
                server.stop()
                assert server._advance()
            else:
                (server.stop_accepting if event == server_states.SHED else server.drain)(given.extend)
            asked, model = server_states.STEPS[model.state][event][1], model.after(event)
            assert (server._state, server.parts.acceptor._open) == (model.state, model.accepts)
            assert (server.hand_over is not None) == model.hands_over
            assert ((theirs, b"early") in given) == (taken and server_states.HAND_OVER_IDLE in asked)
        server._end()
