"""The life of a server: (state, event) to (state, actions), as a table.

Pure, as ``connection_states``. ``pool`` turns what its owner asks for, and what the watchdog finds, into events, and
performs the actions.
"""

from __future__ import annotations

from typing import Final

from .table_steps import Step, steps_of

# -- states: which connections the server accepts, and where idle ones go

CLOSED: Final = 0  # it accepts none, serves those that it is given, and keeps them: the state before the first event
ACCEPTING: Final = 1  # it accepts connections, and keeps those that are idle
SHEDDING: Final = 2  # it accepts none, serves those that it is given, and hands over those that become idle
DRAINING: Final = 3  # as SHEDDING, until it has no connection left
OVER: Final = 4  # ``serve_forever`` returns; a connection that comes now is handed over, or closed

STATES: Final = ("closed", "accepting", "shedding", "draining", "over")

# -- events: what the owner asks for, and what the watchdog finds

START: Final = 0  # accept connections
SHED: Final = 1  # leave them to another server
DRAIN: Final = 2  # leave them to another server, then end
STOP: Final = 3  # end at once
DRAINED: Final = 4  # nothing is left that must be answered or handed over

EVENTS: Final = ("start", "shed", "drain", "stop", "drained")

# -- actions: what the performer does

OPEN: Final = 0  # accept on the listening socket
SHUT: Final = 1  # leave the listening socket, which stays open
KEEP_IDLE: Final = 2  # keep connections that become idle
HAND_OVER_IDLE: Final = 3  # hand over those that are idle, and those that become so
ABORT_ENDLESS: Final = 4  # end the requests that never end by themselves

ACTIONS: Final = ("open", "shut", "keep idle", "hand over idle", "abort endless")

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
        SHED: (SHEDDING, (HAND_OVER_IDLE,)),  # again: those that it was given meanwhile
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
