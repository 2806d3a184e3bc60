"""The life of a server: (state, event) to (state, actions), as a table.

Pure, as ``connection_states``. ``pool`` turns what its owner asks for, and what the watchdog finds, into events, and
performs the actions.

Decision 43 says why.
"""

from __future__ import annotations

from typing import Final

from .table_steps import Step, steps_of

# -- states: which connections the server accepts, and where idle ones go

CLOSED: Final = 0  # accepts no connections; serves and keeps those that it is given: the state before the first event
ACCEPTING: Final = 1  # accepts connections, and keeps those that are idle
SHEDDING: Final = 2  # accepts no connections; serves those that it is given, and hands them over when they become idle
DRAINING: Final = 3  # as SHEDDING, until no connection is left
OVER: Final = 4  # ``serve_forever`` returns; a connection that comes now is handed over, or closed

STATES: Final = ("closed", "accepting", "shedding", "draining", "over")

# -- events: what the owner asks for, and what the watchdog finds

START: Final = 0  # accept connections
SHED: Final = 1  # leave new and idle connections to another server
DRAIN: Final = 2  # the same, then end
STOP: Final = 3  # end at once
DRAINED: Final = 4  # nothing is left that must be answered or handed over

EVENTS: Final = ("start", "shed", "drain", "stop", "drained")

# -- actions: what the performer does

OPEN: Final = 0  # accept on the listening socket
SHUT: Final = 1  # leave the listening socket, which stays open
KEEP_IDLE: Final = 2  # keep connections that become idle
HAND_OVER_IDLE: Final = 3  # hand over connections that are idle, and those that become idle
ABORT_ENDLESS: Final = 4  # end the requests that never end by themselves

_STOPS: Final[Step] = (OVER, (SHUT, ABORT_ENDLESS))
_DRAINS: Final[Step] = (DRAINING, (SHUT, HAND_OVER_IDLE, ABORT_ENDLESS))

# An event that is not listed for a state changes nothing in it: a server that drains never accepts again, and what is
# asked for twice is done once.
ROWS: Final[dict[int, dict[int, Step]]] = {
    CLOSED: {
        START: (ACCEPTING, (OPEN,)),
        SHED: (SHEDDING, (HAND_OVER_IDLE,)),
        DRAIN: _DRAINS,
        STOP: _STOPS,
    },
    ACCEPTING: {
        SHED: (SHEDDING, (SHUT, HAND_OVER_IDLE)),
        DRAIN: _DRAINS,
        STOP: _STOPS,
    },
    SHEDDING: {
        START: (ACCEPTING, (OPEN, KEEP_IDLE)),
        SHED: (SHEDDING, (HAND_OVER_IDLE,)),  # hands over again, for connections that it was given meanwhile
        DRAIN: _DRAINS,
        STOP: _STOPS,
    },
    DRAINING: {
        STOP: _STOPS,
        DRAINED: (OVER, ()),
    },
    OVER: {},
}

STEPS: Final = steps_of(ROWS, STATES, EVENTS)
