"""The watchdog's actions at each look, and the length of its sleep, by a clock that the test moves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.io.wire import Wire
from appliance.server.pool import watchdog as module
from appliance.server.pool.connection import Connection
from appliance.server.pool.pool_parts import PoolParts, WakeUp
from appliance.server.pool.tables import connection_states as states
from appliance.server.pool.thread_pool import PoolThread
from appliance.server.pool.watchdog import ServerFailed, Watchdog
from appliance.server.wsgi.access_log.sink import NullSink

LIMITS = Limits(stuck_after_s=0.5, stream_after_s=10.0)
NOW = 1000.0


class Pool:
    """The threads, which follow each call; ``done`` has the calls in order."""

    def __init__(self) -> None:
        self.pool_threads: set[PoolThread] = set()
        self.leader: PoolThread | None = None
        self.served = 0
        self.fault: BaseException | None = None
        self.here: list[bool] = []  # whether it serves in the calling thread
        self.done: list[Any] = []

    @property
    def busy(self) -> int:
        """As the pool's."""
        return sum(each.busy for each in self.pool_threads)

    def serve_here(self, seconds: float) -> bool:
        """As the pool's."""
        self.done.append(("serve", seconds))
        return bool(self.here) and self.here.pop(0)

    def locked_relieve(self) -> None:
        """As the pool's: another thread leads, or none."""
        self.done.append("relieve")
        self.leader = None

    def locked_detach(self, thread: PoolThread) -> None:
        """As the pool's."""
        self.done.append(thread)

    def locked_appoint(self) -> None:
        """As the pool's."""
        self.done.append("appoint")


class RecordedWakeUp(WakeUp):
    """One whose waits end at once, and are recorded."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene

    def wait(self, seconds: float | None) -> None:
        self._scene.sleeps.append(seconds)
        self._scene.on_sleep()


class Scene:
    """A watchdog whose parts only remember."""

    def __init__(self) -> None:
        self.now = NOW
        self.pool = Pool()
        self.held: list[Connection] = []
        self.count = 0
        self.acceptor: Any = SimpleNamespace(retry_at=0.0, locked_retry=lambda now: self.calls.append(("accept", now)))
        self.calls: list[Any] = []
        self.ready = False
        self.sleeps: list[float | None] = []
        self.looks = 1  # until it is over
        self.on_sleep: Callable[[], None] = lambda: None
        self.sockets: list[socket.socket] = []
        self.wake_up = RecordedWakeUp(self)
        given: dict[str, Any] = {
            "lock": threading.Lock(),
            "threads": 2,
            "sink": NullSink(),
            "wake_up": self.wake_up,
            "thread_pool": self.pool,
            "connections": self,
            "acceptor": self.acceptor,
            "poller": SimpleNamespace(wake=lambda: self.calls.append("wake")),
            "limits": LIMITS,
            "flushing": SimpleNamespace(flush=lambda: self.calls.append("flush")),
        }
        slow: Any = SimpleNamespace(check=lambda threads, now: self.calls.append(("slow", set(threads), now)))
        self.watchdog = Watchdog(PoolParts(**given), slow, lambda: self.calls.append("log problems"))

    # The connections, of which it asks these.

    has_delayed = False

    def __len__(self) -> int:
        return self.count

    def locked_in_state(self, *wanted: int) -> list[Connection]:
        """As the connections'."""
        assert wanted == (states.HELD, states.PROBED)
        return self.held

    def locked_sweep(self, now: float) -> bool:
        """As the connections'."""
        self.calls.append(("sweep", now))
        return self.ready

    def over(self) -> bool:
        """Whether the watchdog has looked as often as the test asks for."""
        self.looks -= 1
        return self.looks < 0

    def watch(self, looks: int = 1, *, ending: bool = False) -> None:
        """Look so often."""
        self.looks = looks
        self.watchdog.watch(self.over, is_ending=lambda: ending)

    def thread(self, since: float | None = None, **exchange: object) -> PoolThread:
        """A thread that runs a request since then, or none."""
        thread = PoolThread()
        if since is not None:
            ours, client = socket.socketpair()
            self.sockets += [ours, client]
            fields: Any = {"streaming": False, "hijacked": False, **exchange}
            handler: Any = SimpleNamespace(exchange=SimpleNamespace(**fields))
            thread.begin(Connection(handler, Wire(ours, LIMITS), since), since)
        self.pool.pool_threads.add(thread)
        return thread

    def wait_for_client(self, thread: PoolThread, since: float) -> None:
        """The thread waits for its client since then."""
        connection: Any = thread.connection
        connection.wire.waiting = since

    def idle_s(self) -> float | None:
        """For how long it would sleep."""
        return self.watchdog.idle_s()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene()
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    yield made
    for each in made.sockets:
        each.close()


def test_a_leader_that_is_busy_for_long_is_relieved(scene: Scene):
    """A leader that runs a request for longer than allowed is relieved, and not before; one that waits never is."""
    scene.pool.leader = scene.thread(NOW - 0.5)
    scene.watchdog.check(NOW)
    assert scene.pool.done == ["appoint"]
    scene.watchdog.check(NOW + 0.001)
    assert scene.pool.done == ["appoint", "relieve", "appoint"]
    scene.pool.leader = scene.thread()
    scene.pool.done.clear()
    scene.watchdog.check(NOW + 100.0)
    assert scene.pool.done == ["appoint"]


@pytest.mark.parametrize("what", ["streaming", "hijacked", "waiting"])
def test_what_goes_on_for_long_is_detached(scene: Scene, what: str):
    """A request that streams, has its socket, or waits for its client is detached after a while, though one leads."""
    scene.pool.leader = scene.thread()
    thread = scene.thread(NOW, **({what: True} if what != "waiting" else {}))
    if what == "waiting":
        scene.wait_for_client(thread, NOW + 9.9)
    scene.watchdog.check(NOW + 10.0)
    assert thread not in scene.pool.done
    scene.watchdog.check(NOW + 10.001)
    assert scene.pool.done.count(thread) == 1
    thread.detached = True
    scene.watchdog.check(NOW + 11.0)
    assert scene.pool.done.count(thread) == 1


def test_what_computes_for_long_is_not_detached(scene: Scene):
    """A request that neither streams nor waits counts for as long as it runs; a thread without one is left alone."""
    scene.thread(NOW)
    idle = scene.thread()
    idle.since = NOW
    broken = scene.thread(NOW)
    broken.connection = None
    scene.watchdog.check(NOW + 1000.0)
    assert scene.pool.done == ["appoint"]


def test_a_waiting_request_is_detached_early_if_no_thread_leads(scene: Scene):
    """A request that waits for its client is detached at once if no thread leads; if one leads, it is not."""
    thread = scene.thread(NOW)
    scene.wait_for_client(thread, NOW + 0.1)
    scene.watchdog.check(NOW + 0.6)
    assert thread not in scene.pool.done
    scene.watchdog.check(NOW + 0.601)
    assert thread in scene.pool.done
    scene.pool.done.clear()
    scene.pool.leader = scene.thread()
    scene.watchdog.check(NOW + 5.0)
    assert thread not in scene.pool.done


def test_the_watchdog_sleeps_until_it_is_woken(scene: Scene):
    """Without a connection it sleeps with no end; with one for a second, with a request that runs for less."""
    assert scene.idle_s() is None
    scene.count = 1
    assert scene.idle_s() == module.SWEEP_S
    scene.thread(NOW)
    assert scene.idle_s() == module.STREAM_CHECK_S < module.SWEEP_S


def test_the_watchdog_sleeps_until_something_is_due(scene: Scene):
    """The watchdog sleeps until the first connection that is put off may be answered, or accepting resumes."""
    scene.acceptor.retry_at = NOW + 0.3
    assert scene.idle_s() == pytest.approx(0.3)
    scene.acceptor.retry_at = NOW - 1.0
    assert scene.idle_s() == 0.001
    for deadline in (NOW + 0.7, NOW + 0.2):
        connection: Any = scene.thread(NOW).connection
        connection.deadline = deadline
        scene.held.append(connection)
    assert scene.idle_s() == 0.001  # nothing is put off: it does not look for them
    scene.has_delayed = True
    assert scene.idle_s() == pytest.approx(0.2)
    scene.now += 1.0
    assert scene.idle_s() == 0.001
    scene.now -= 100.0
    assert scene.idle_s() == module.SWEEP_S


def test_the_watchdog_looks_closely_while_requests_run(scene: Scene):
    """While requests are served, or the server ends, it looks as often as a leader may be busy."""
    seen: list[bool] = []
    scene.on_sleep = lambda: seen.append(scene.wake_up.sleeping)
    scene.watch(2)
    scene.watch(2, ending=True)
    scene.pool.leader = scene.thread(NOW)
    scene.watchdog.sleep(closely=False)
    assert scene.sleeps == [0.5, None, 0.5, 0.5, 0.5]
    assert seen == [False, True, False, False, False]
    assert not scene.wake_up.sleeping


def test_the_watchdog_looks_after_each_sleep(scene: Scene):
    """The watchdog sleeps until something is due, and looks at the threads with the time after the sleep."""
    scene.count = 1
    scene.pool.served = -1  # as after a look
    scene.watch(1)
    assert scene.sleeps == [module.SWEEP_S]
    scene.pool.leader = scene.thread(NOW)
    scene.now += 0.501
    scene.watch(1)
    assert "relieve" in scene.pool.done


def test_a_leader_that_begins_before_the_sleep_is_seen(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """A leader that begins to work just before it would have to wake the watchdog is seen: there is no sleep."""
    answers = iter([False, True])
    monkeypatch.setattr(scene.watchdog, "_leader_works", lambda: next(answers))
    scene.watchdog.sleep(closely=False)
    assert (scene.sleeps, scene.wake_up.sleeping) == ([], False)


def test_the_watchdog_sweeps_once_a_second(scene: Scene):
    """Long requests are looked at once a second; records are flushed, and problems logged, at each look."""
    scene.watch(1)
    first: list[Any] = [("slow", set(), NOW), ("accept", NOW), ("sweep", NOW), "log problems", "flush"]
    assert scene.calls == first
    scene.calls.clear()
    scene.now += 0.999
    scene.watch(1)
    assert scene.calls == ["log problems", "flush"]
    scene.calls.clear()
    scene.now += 0.001
    scene.ready = True
    scene.watch(1)
    assert scene.calls == [
        ("slow", set(), scene.now), ("accept", scene.now), ("sweep", scene.now), "wake", "log problems", "flush",
    ]  # fmt: skip


@pytest.mark.parametrize("due", ["delayed", "accept", "not yet"])
def test_what_is_due_is_not_put_off(scene: Scene, due: str):
    """Connections that are put off or in doubt are looked at each time, and accepting again when its time has come."""
    scene.watch(1)
    scene.calls.clear()
    if due == "delayed":
        scene.has_delayed = True
    else:
        scene.acceptor.retry_at = NOW if due == "accept" else NOW + 0.001
    scene.watch(1)
    assert (("sweep", NOW) in scene.calls) is (due != "not yet")


def test_the_watchdog_serves_itself_where_no_thread_is_available(scene: Scene):
    """A watchdog whose thread serves requests does not sleep; it looks after each request."""
    scene.pool.here = [True, True, False]
    scene.watch(3)
    assert scene.sleeps == [None]
    assert scene.pool.done.count(("serve", module.LEAD_S)) == 3
    assert scene.pool.done.count("appoint") == 3


def test_watching_ends_if_no_thread_can_lead(scene: Scene):
    """If no thread can lead any longer, watching ends with the failure, in words."""
    scene.pool.fault = OSError("Bad file descriptor")
    with pytest.raises(
        ServerFailed, match=r"\(Bad file descriptor\): look for code of the project that closes"
    ) as raised:
        scene.watch(1)
    assert raised.value.__cause__ is scene.pool.fault
    assert scene.calls == []


def test_a_wake_up_ends_a_wait(scene: Scene):
    """A wake-up that any thread sets ends the watchdog's wait; ``test_gevent_safe_event`` waits once more."""
    wake_up = WakeUp()
    setter = threading.Thread(target=wake_up.set)
    before = time.monotonic()
    setter.start()
    wake_up.wait(60)
    setter.join()
    assert time.monotonic() < before + 60


def test_a_wake_up_before_the_sleep_is_not_lost(scene: Scene):
    """A wake-up that comes before the watchdog sleeps ends the next sleep, which would have no end."""
    wake_up = scene.watchdog._wake_up = WakeUp()
    wake_up.set()
    scene.watchdog.sleep(closely=False)
    assert scene.idle_s() is None
    assert not wake_up.sleeping
