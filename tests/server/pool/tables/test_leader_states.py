"""Who leads: what holds after anything that the threads of a pool can do, in any order.

A model of a small pool does all of it: each thread waits for connections, serves, comes back, waits to be appointed,
fails, or can't be started. Every state that it can reach is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from appliance.server.pool.tables import leader_states
from tests.server.reached import reached

HERE = -1  # the watchdog's own thread
NOBODY = -2
MAX_STREAMS = 1


@dataclass(frozen=True)
class Model:
    """A pool, as its threads and the table have made it.

    ``threads`` says of each what it does: "gone", "between" requests, "busy", "detached" or "waiting". ``here`` says
    the same of the watchdog's own.
    """

    limit: int
    threads: tuple[str, ...]
    state: int = leader_states.VACANT
    leader: int = NOBODY
    here: str = "gone"
    short: bool = False

    def set(self, number: int, what: str) -> Model:
        """The same, with this thread doing something else."""
        if number == HERE:
            return replace(self, here=what)
        return replace(self, threads=(*self.threads[:number], what, *self.threads[number + 1 :]))

    def does(self, number: int) -> str:
        """Return the state of this thread."""
        return self.here if number == HERE else self.threads[number]

    @property
    def counted(self) -> int:
        """How many requests run and are counted."""
        return [*self.threads, self.here].count("busy")

    @property
    def is_full(self) -> bool:
        """Whether no further request may begin."""
        return self.counted >= self.limit

    def after(self, event: int, number: int = NOBODY, *, refused: bool = False) -> Model:
        """Return the model after an event, with the pool's actions; ``refused``: no thread can be started."""
        state, actions = leader_states.STEPS[self.state][event]
        model = replace(self, state=state)
        for action in actions:
            model = model.done(action, number, refused=refused)
        return model

    def done(self, action: int, number: int, *, refused: bool) -> Model:
        """Return the model after an action."""
        threads = self.threads
        if action == leader_states.WAKE_ONE:
            number = max(each for each, it in enumerate(threads) if it == "waiting")
        if action == leader_states.START_ONE and refused:
            return replace(self, short=True).after(leader_states.NOT_STARTED)
        if action == leader_states.START_ONE:
            number = threads.index("gone")
            return replace(self, leader=number, short=False).set(number, "between")
        if action == leader_states.WAKE_ALL:
            return replace(self, threads=tuple("between" if it == "waiting" else it for it in threads))
        if action in {leader_states.VACATE, leader_states.LEAD}:
            return replace(self, leader=NOBODY if action == leader_states.VACATE else number)
        does = {leader_states.WAKE_ONE: "between", leader_states.WAIT: "waiting", leader_states.END_THREAD: "gone"}[
            action
        ]
        return replace(self, leader=number if action == leader_states.WAKE_ONE else self.leader).set(number, does)

    def returned(self, number: int) -> int:
        """The event of a thread that comes back without the lead."""
        if self.leader == HERE and self.here == "busy" and not self.is_full:
            return leader_states.RETURNED_HERE
        if self.threads.count("waiting") >= self.limit:
            return leader_states.RETURNED_FULL_SPARE if self.is_full else leader_states.RETURNED_SPARE
        return leader_states.RETURNED_FULL if self.is_full else leader_states.RETURNED

    def steps(self) -> Iterator[Model]:
        """Yield every model that can follow."""
        yield self.after(leader_states.ENDED)
        yield from self.appointments()
        for number in (HERE, *range(len(self.threads))):
            yield from self.steps_of(number)

    def appointments(self) -> Iterator[Model]:
        """Yield every model that can follow a look for a leader."""
        if self.state != leader_states.VACANT or self.is_full:
            return
        if "waiting" in self.threads:
            yield self.after(leader_states.FOUND_WAITING)
            return
        yield self.after(leader_states.FOUND_NONE, refused=True)
        if "gone" in self.threads:
            yield self.after(leader_states.FOUND_NONE)
        if self.short and self.here == "gone":
            yield self.set(HERE, "between").after(leader_states.FOUND_NO_THREAD, HERE)

    def steps_of(self, number: int) -> Iterator[Model]:
        """Yield every model that can follow through this thread, or through the watchdog with it."""
        does, leads = self.does(number), self.leader == number
        if does == "between" and leads:
            yield self.set(number, "busy")
            yield self.set(number, "gone").after(
                leader_states.LEFT
            )  # it fails; or the watchdog has served for long enough
        elif does == "between":
            yield self.set(HERE, "gone") if number == HERE else self.after(self.returned(number), number)
        elif does == "busy":
            yield self.set(number, "between")
            if leads:
                yield self.after(leader_states.LEFT)  # it is relieved
            if self.limit > 1 and self.threads.count("detached") < MAX_STREAMS and number != HERE:
                detached = self.set(number, "detached")
                yield detached.after(leader_states.LEFT) if leads else detached
        elif does == "detached":
            yield self.set(number, "between")

    def check(self) -> None:
        """Check the invariants of the threads."""
        assert 0 <= self.state < len(leader_states.STATES)
        assert (self.leader == NOBODY) == (self.state in {leader_states.VACANT, leader_states.OVER})
        assert (self.leader == HERE) == (self.state == leader_states.LED_HERE)
        if self.leader != NOBODY:
            assert self.does(self.leader) in {"between", "busy"}, "it can lead"
        assert self.counted <= self.limit, "more requests run at once than may"
        assert self.threads.count("waiting") <= self.limit, "more threads wait than may run requests"
        if self.state == leader_states.OVER:
            assert "waiting" not in self.threads, "a thread sleeps that nobody wakes any more"


def pools(limit: int, threads: int) -> Iterator[Model]:
    """Every state that such a pool can reach."""
    return reached(Model(limit, ("gone",) * threads), Model.steps)


@pytest.mark.parametrize(("limit", "threads"), [(1, 3), (2, 4)])
def test_at_most_one_thread_leads(limit: int, threads: int):
    """In every state at most one thread leads, and at most `threads` requests run; after the end no thread waits."""
    found = set()
    for model in pools(limit, threads):
        model.check()
        found.add(model)
    assert {model.state for model in found} == set(leader_states.ROWS) == set(range(len(leader_states.STATES)))
    assert len(found) > 100


@pytest.mark.parametrize(("limit", "threads"), [(1, 3), (2, 4)])
def test_a_pool_without_a_leader_gets_one(limit: int, threads: int):
    """If no thread leads and another request may run, a look for a leader finds one, unless no thread can start."""
    for model in pools(limit, threads):
        if (
            model.state == leader_states.VACANT
            and not model.is_full
            and ("waiting" in model.threads or "gone" in model.threads)
        ):
            assert any(after.state == leader_states.LED for after in model.appointments())


def test_each_row_is_reached():
    """Each action is some row's, and a state lists no event that would change nothing."""
    rows = [(state, event, step) for state, row in leader_states.ROWS.items() for event, step in row.items()]
    done = {action for _, _, (_, actions) in rows for action in actions}
    assert done == {
        leader_states.WAKE_ONE, leader_states.START_ONE, leader_states.LEAD, leader_states.WAIT,
        leader_states.END_THREAD, leader_states.VACATE, leader_states.WAKE_ALL,
    }  # fmt: skip
    assert [(state, event) for state, event, step in rows if step == (state, ())] == []
    assert {event for _, event, _ in rows} == set(range(len(leader_states.EVENTS)))
