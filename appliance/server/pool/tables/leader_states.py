"""Which thread leads, and when another one is appointed: (state, event) to (state, actions), as a table.

Pure, as ``connection_states``. ``thread_pool`` turns what its threads do and what the watchdog finds into events, and
performs the actions, with the server's lock held. Most requests begin and end without any event of these: the leader
serves one after another.
"""

from __future__ import annotations

from typing import Final

from .table_steps import Step, steps_of

# -- states: who leads

VACANT: Final = 0  # nobody: as many requests run as may, or no thread could be started
LED: Final = 1  # a thread of the pool
LED_HERE: Final = 2  # the watchdog's own thread, since no other could be started
OVER: Final = 3  # the pool has stopped; no thread leads again

STATES: Final = ("vacant", "led", "led here", "over")

# -- events: what has happened

FOUND_WAITING: Final = 0  # one more request may run, and a thread waits to be appointed
FOUND_NONE: Final = 1  # one more request may run, and no thread waits
NOT_STARTED: Final = 2  # the thread that was to lead could not be started
FOUND_NO_THREAD: Final = 3  # one more request may run, and only the watchdog's thread is there to lead
RETURNED: Final = 4  # a thread without the lead has ended its request; one more may run, and few threads wait
RETURNED_SPARE: Final = 5  # the same; one more may run, and as many threads wait as may run requests
RETURNED_FULL: Final = 6  # the same; as many requests run as may, and few threads wait
RETURNED_FULL_SPARE: Final = 7  # the same; as many requests run as may, and as many threads wait
RETURNED_HERE: Final = 8  # the same; one more may run, and the leader is the watchdog's thread, which is busy
LEFT: Final = 9  # the leader no longer leads: the request takes long or is detached, or the thread has failed
ENDED: Final = 10  # the server ends, or gives up

EVENTS: Final = (
    "found waiting", "found none", "not started", "found no thread", "returned", "returned spare", "returned full",
    "returned full spare", "returned here", "left", "ended",
)  # fmt: skip

# -- actions: what the performer does

WAKE_ONE: Final = 0  # appoint a thread that waits, and wake it
START_ONE: Final = 1  # start a thread, and appoint it
LEAD: Final = 2  # appoint the thread that the event is about
WAIT: Final = 3  # let that thread wait to be appointed
END_THREAD: Final = 4  # let that thread end
VACATE: Final = 5  # appoint nobody
WAKE_ALL: Final = 6  # wake all threads that wait: they end

_ENDS: Final[Step] = (OVER, (VACATE, WAKE_ALL))
_LEADS: Final[Step] = (LED, (LEAD,))
_VACATES: Final[Step] = (VACANT, (VACATE,))

# An event that is not listed for a state changes nothing in it: there is a leader already, or there will be none.
ROWS: Final[dict[int, dict[int, Step]]] = {
    VACANT: {
        FOUND_WAITING: (LED, (WAKE_ONE,)),
        FOUND_NONE: (LED, (START_ONE,)),
        FOUND_NO_THREAD: (LED_HERE, (LEAD,)),
        RETURNED: _LEADS,
        RETURNED_SPARE: _LEADS,
        RETURNED_FULL: (VACANT, (WAIT,)),  # the thread came back late: others have begun requests in its place
        RETURNED_FULL_SPARE: (VACANT, (END_THREAD,)),
        ENDED: _ENDS,
    },
    LED: {
        NOT_STARTED: _VACATES,
        RETURNED: (LED, (WAIT,)),
        RETURNED_SPARE: (LED, (END_THREAD,)),
        RETURNED_FULL: (LED, (WAIT,)),
        RETURNED_FULL_SPARE: (LED, (END_THREAD,)),
        LEFT: _VACATES,
        ENDED: _ENDS,
    },
    LED_HERE: {
        RETURNED: (LED_HERE, (WAIT,)),
        RETURNED_SPARE: (LED_HERE, (END_THREAD,)),
        RETURNED_FULL: (LED_HERE, (WAIT,)),
        RETURNED_FULL_SPARE: (LED_HERE, (END_THREAD,)),
        RETURNED_HERE: _LEADS,  # the watchdog relieves a busy leader, but not itself
        LEFT: _VACATES,
        ENDED: _ENDS,
    },
    OVER: {
        RETURNED: (OVER, (END_THREAD,)),
        RETURNED_SPARE: (OVER, (END_THREAD,)),
        RETURNED_FULL: (OVER, (END_THREAD,)),
        RETURNED_FULL_SPARE: (OVER, (END_THREAD,)),
        RETURNED_HERE: (OVER, (END_THREAD,)),
    },
}

STEPS: Final = steps_of(ROWS, STATES, EVENTS)
