"""The states of a connection: (state, event) to (state, actions), as a table.

Pure: no socket, no clock, no thread. ``connections`` turns what happens into events and performs the actions, with the
server's lock held.

Decision 39 says why.
"""

from __future__ import annotations

from typing import Final

from .table_steps import Step, steps_of

# -- states: who has the connection

READY: Final = 0  # the queue: a thread must look at the connection
PARKED: Final = 1  # the poller: the connection is idle, or a part of a head has come
HELD: Final = 2  # the watchdog: the connection may not be answered yet
PROBED: Final = 3  # the poller: the client may have left; no thread looks at the connection until that is known
BUSY: Final = 4  # a thread: it runs the request
SENDING: Final = 5  # the background: it sends the rest of a response
RECEIVING: Final = 6  # the background: it receives a request's body
LINGERING: Final = 7  # the poller: the last response is sent, and the client has not closed its side yet
TAKEN: Final = 8  # the application: it speaks another protocol on the socket
MOVED: Final = 9  # another server
CLOSED: Final = 10  # nobody

STATES: Final = (
    "ready", "parked", "held", "probed", "busy", "sending", "receiving", "lingering", "taken", "moved", "closed",
)  # fmt: skip

# -- events: what has happened

FOUND_REQUEST: Final = 0  # a look found a head, or a reason to refuse one
FOUND_NOTHING: Final = 1  # a look found no head
PUT_OFF: Final = 2  # a look came before the time from which the connection may be answered
IN_DOUBT: Final = 3  # a look found that its client may have left
READABLE: Final = 4  # the poller has reported bytes; for a probed connection: the client has left
DUE: Final = 5  # the deadline of the connection's state has passed, or its wait is over
KEPT: Final = 6  # a response has ended, and the connection stays open
PIPELINED: Final = 7  # a response has ended, and the next request was received already
SENDING_BEGAN: Final = 8  # the rest of the response is sent in the background
SENT: Final = 9  # the background has sent the response, or could not
RECEIVING_BEGAN: Final = 10  # the request's body is received in the background
RECEIVED: Final = 11  # the background has received the body, or gives up
ENDED_OUR_SIDE: Final = 12  # the server has ended its side, and waits for the client's end
HIJACKED: Final = 13  # the application took the socket
HANDED_OVER: Final = 14  # another server takes the connection over
FINISHED: Final = 15  # both sides are closed, or the connection broke, or its time was over

EVENTS: Final = (
    "found request", "found nothing", "put off", "in doubt", "readable", "due", "kept", "pipelined", "sending began",
    "sent", "receiving began", "received", "ended our side", "hijacked", "handed over", "finished",
)  # fmt: skip

# -- actions: what the performer does

ENQUEUE: Final = 0  # append the connection to the queue
WATCH: Final = 1  # let the poller report when the connection is readable
UNWATCH: Final = 2  # stop the poller's reports of the connection
PROBE_BEGAN: Final = 3
PROBE_ENDED: Final = 4
BODY_BEGAN: Final = 5
BODY_ENDED: Final = 6
REMOVE: Final = 7  # forget the connection: it no longer belongs to this server
CLOSE: Final = 8  # close the socket

_CLOSES: Final[Step] = (CLOSED, (UNWATCH, REMOVE, CLOSE))
_HANDS_OVER: Final[Step] = (MOVED, (UNWATCH, REMOVE))
_LINGERS: Final[Step] = (LINGERING, (WATCH,))

# An event that is not listed for a state changes nothing in it: it comes too late, another owner has the connection.
ROWS: Final[dict[int, dict[int, Step]]] = {
    READY: {
        FOUND_REQUEST: (BUSY, ()),
        FOUND_NOTHING: (PARKED, (WATCH,)),
        PUT_OFF: (HELD, (UNWATCH,)),
        IN_DOUBT: (PROBED, (PROBE_BEGAN,)),
        READABLE: (READY, (UNWATCH,)),  # a thread looks at the connection in any case
        HANDED_OVER: _HANDS_OVER,
        FINISHED: _CLOSES,
    },
    PARKED: {
        READABLE: (READY, (ENQUEUE,)),
        DUE: (READY, (ENQUEUE,)),
        ENDED_OUR_SIDE: _LINGERS,
        HANDED_OVER: _HANDS_OVER,
        FINISHED: _CLOSES,
    },
    HELD: {
        READABLE: (HELD, (UNWATCH,)),
        DUE: (READY, (ENQUEUE,)),
        HANDED_OVER: _HANDS_OVER,
        FINISHED: _CLOSES,
    },
    PROBED: {
        READABLE: (READY, (UNWATCH, PROBE_ENDED, ENQUEUE)),
        DUE: (READY, (UNWATCH, PROBE_ENDED, ENQUEUE)),
        FINISHED: (CLOSED, (UNWATCH, PROBE_ENDED, REMOVE, CLOSE)),
    },
    BUSY: {
        READABLE: (BUSY, (UNWATCH,)),  # the thread that serves the connection looks for more
        KEPT: (PARKED, (WATCH,)),
        PIPELINED: (READY, (ENQUEUE,)),
        SENDING_BEGAN: (SENDING, (UNWATCH,)),
        RECEIVING_BEGAN: (RECEIVING, (UNWATCH, BODY_BEGAN)),
        ENDED_OUR_SIDE: _LINGERS,
        HIJACKED: (TAKEN, (UNWATCH, REMOVE)),
        HANDED_OVER: _HANDS_OVER,
        FINISHED: _CLOSES,
    },
    SENDING: {
        READABLE: (SENDING, (UNWATCH,)),
        SENT: (BUSY, ()),
        FINISHED: _CLOSES,
    },
    RECEIVING: {
        READABLE: (RECEIVING, (UNWATCH,)),
        RECEIVED: (READY, (BODY_ENDED, ENQUEUE)),
        HANDED_OVER: (MOVED, (UNWATCH, BODY_ENDED, REMOVE)),
        FINISHED: (CLOSED, (UNWATCH, BODY_ENDED, REMOVE, CLOSE)),
    },
    LINGERING: {FINISHED: _CLOSES},
    TAKEN: {FINISHED: (CLOSED, (CLOSE,))},
    MOVED: {FINISHED: (CLOSED, (CLOSE,))},  # the other server could not take the connection
    CLOSED: {},
}

# The steps of every request. ``connections`` takes these three without a look into the table, which saves 0.5 µs a
# request; a test holds that they are the table's.
SHORTCUTS: Final = (
    (READY, FOUND_REQUEST, (BUSY, ())),
    (PARKED, READABLE, (READY, (ENQUEUE,))),
    (BUSY, KEPT, (PARKED, (WATCH,))),  # WATCH does nothing where the poller has the connection already
)

STEPS: Final = steps_of(ROWS, STATES, EVENTS)
