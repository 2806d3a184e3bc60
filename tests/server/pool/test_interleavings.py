"""The pool's threads and the drain in many interleavings, each decided by a seed: see tests/server/scheduler.py."""

from __future__ import annotations

import io
import select
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.pool.tables import connection_states as states
from appliance.server.pool.tables import server_states
from appliance.server.wsgi.access_log.sink import NullSink
from tests.server.scheduler import Scheduler, Task
from tests.server.served import get, post, read_response
from tests.thorough import one_in

_SWEEP_S = 0.9  # the watchdog looks for what was left lying once a second
BODY = b"hello"
LARGE = b"." * 600_000  # more than the kernel takes for a client that does not read
SLOW_S = 0.02  # longer than a leader may be at work


class Application:
    """Answers with the path; a slow one takes its time. Counts how often each path was asked for, and the running ones.

    A request that waits for its body may have a thread of its own, if there are others: it is not one of ``running``.
    """

    def __init__(self, scheduler: Scheduler, calls: Counter[str]) -> None:
        self.calls = calls
        self.running = self.most = 0
        self._scheduler = scheduler

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.calls[path] += 1
        counted = not (path.endswith("post") and environ["wsgi.multithread"])
        self.running += counted
        self.most = max(self.most, self.running)
        assert environ["wsgi.input"].read() == (BODY if path.endswith("post") else b"")
        self._scheduler.point()
        if path.endswith("slow"):
            self._scheduler.sleep(SLOW_S)
        self.running -= counted
        if path.endswith("fails"):
            raise RuntimeError(path)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [path.encode() + LARGE] if path.endswith("large") else [path.encode()]


class Client:
    """A browser on one connection. It asks for these paths, one after another, and may leave before the last answer."""

    def __init__(self, world: World, name: str, paths: list[str], *, leaves: bool, pipelines: bool) -> None:
        self.paths = [f"/{name}-{number}-{path}" for number, path in enumerate(paths)]
        self.answered: list[str] = []
        self.leaves = leaves
        self._pipelines = pipelines
        self._world = world
        self._sock = socket.socket(socket.AF_UNIX)
        world.stack.callback(self._sock.close)
        self._sock.setblocking(False)
        self._received = b""

    def __call__(self) -> None:
        scheduler = self._world.scheduler
        scheduler.point()
        self._sock.connect(self._world.address)
        if self._pipelines:
            self._sock.send(b"".join(map(asked, self.paths)))
        for path in self.paths:
            scheduler.point()
            if not self._pipelines:
                request = asked(path)
                half = scheduler.chance.choice((0, 20, len(request) - len(BODY), len(request)))
                self._sock.send(request[:half])
                scheduler.sleep(scheduler.chance.choice((0.0, 0.0, 0.1)))
                self._sock.send(request[half:])
            if self.leaves and path == self.paths[-1]:
                break
            self.answered.append(self._answer())
        self._sock.close()

    def _answer(self) -> str:
        """The body of the next response; the request's path is in it."""
        while True:
            file = io.BytesIO(self._received)
            with suppress(AssertionError):
                response = read_response(file)
                length = response["Content-Length"]
                if length is not None and len(response.body) == int(length):
                    self._received = file.read()
                    if response.status == 500:
                        return "500"
                    return response.body.removesuffix(LARGE).decode()
            self._world.scheduler.wait(self._is_readable)
            data = self._sock.recv(65_536)
            assert data, f"the connection ended before the answer to {self.paths[len(self.answered)]}"
            self._received += data

    def _is_readable(self) -> bool:
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def check(self, calls: Counter[str]) -> None:
        """Every request was served once, and its answer came in its turn."""
        for path, answer in zip(self.paths, self.answered, strict=False):
            assert answer == ("500" if path.endswith("fails") else path)
            assert calls[path] == 1, f"{path} was served {calls[path]} times"
        assert len(self.answered) == len(self.paths) - self.leaves
        assert calls[self.paths[-1]] <= 1


def asked(path: str) -> bytes:
    """The request for a path."""
    return post(BODY, path=path) if path.endswith("post") else get(path)


class World:
    """Two servers on one listening socket, the second of which takes over from the first, and their clients."""

    def __init__(self, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, stack: ExitStack, threads: int) -> None:
        scheduler.patch(monkeypatch)
        self.scheduler = scheduler
        self.stack = stack
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("")  # the kernel chooses a name that is not a file
        self._listener.listen(64)
        stack.callback(self._listener.close)
        self.address = self._listener.getsockname()
        self.calls: Counter[str] = Counter()
        self._applications: list[Application] = []
        self._threads = threads
        self.old = self._server(threads, accepting=True)
        self.new = self._server(threads, accepting=False)
        self.life = [scheduler.start(self.old.serve_forever, "old"), scheduler.start(self.new.serve_forever, "new")]
        self.clients: list[Client] = []
        self._tasks: list[Task] = []

    def _server(self, threads: int, *, accepting: bool) -> PooledWSGIServer:
        application = Application(self.scheduler, self.calls)
        self._applications.append(application)
        server = PooledWSGIServer(self._listener, application, sink=Quiet(), threads=threads, accepting=accepting)
        self.stack.callback(server.parts.poller.close)
        return server

    def client(self, *paths: str, leaves: bool = False, pipelines: bool = False) -> None:
        """One more client."""
        name = f"client{len(self.clients)}"
        client = Client(self, name, list(paths), leaves=leaves, pipelines=pipelines)
        self.clients.append(client)
        self._tasks.append(self.scheduler.start(client, name))

    def start(self, call: Callable[[], None]) -> None:
        """Play this call, too, to its end."""
        self._tasks.append(self.scheduler.start(call, "other"))

    def reload(self, after: float = 0.0) -> None:
        """Let the second server take over, as the supervisor does."""

        def take_over() -> None:
            self.scheduler.sleep(after) if after else self.scheduler.point()
            self.old.drain(self.new.take)
            self.new.start_accepting()

        self._tasks.append(self.scheduler.start(take_over, "reload"))

    def play(self) -> None:
        """Run to the end, and hold what must be true of any run."""
        self.scheduler.run(self._tasks)
        for client in self.clients:
            client.check(self.calls)
        assert self.scheduler.jumped < _SWEEP_S, "somebody has waited for the watchdog, which was to be woken"
        assert max(self.calls.values(), default=1) == 1, self.calls
        if any(task.name == "reload" for task in self._tasks):
            self.scheduler.run(self.life[:1])
            kept = self.old.parts.connections.locked_in_state(*set(range(len(states.STATES))) - {states.CLOSED})
            assert kept == [], "the old server has kept a connection"
        self.old.stop()
        self.new.stop()
        most = max(application.most for application in self._applications)
        assert most <= self._threads, "more requests have run at once than there may be threads"
        assert self.old.server_context.multithread is (self._threads > 1), "what the application was told"
        self.scheduler.run(self.scheduler.tasks)  # each thread of the pool ends, and closes what it has
        assert {self.old._state, self.new._state} == {server_states.OVER}


class Quiet(NullSink):
    """A sink that fails the test where the server logs a problem."""

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        assert event in {"application.failed", "client.left", "thread.failed"}, (event, fields)
        assert event != "thread.failed" or fields["reason"] == "can't start new thread"  # the scheduler's


Play = Callable[..., None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a scene under a scheduler."""

    def played(scene: Callable[[World], None], scheduler: Scheduler, threads: int = 2) -> None:
        with monkeypatch.context() as patches, ExitStack() as stack:
            world = World(scheduler, patches, stack, threads)
            try:
                scene(world)
                world.play()
            finally:
                scheduler.end()

    return played


def requests_and_a_reload(world: World) -> None:
    """Two clients ask while the server is replaced."""
    world.client("a", "b")
    world.client("slow")
    world.reload()


def anything(world: World) -> None:
    """Clients of all kinds, chosen by the seed; mostly the server is replaced meanwhile."""
    chance = world.scheduler.chance
    for _ in range(chance.randint(1, 4)):
        paths = [chance.choice(("a", "a", "slow", "fails", "post", "large")) for _ in range(chance.randint(1, 3))]
        world.client(*paths, leaves=chance.random() < 0.3, pipelines=chance.random() < 0.3)
    if chance.random() < 0.8:
        world.reload(after=chance.choice((0.0, 0.0, 0.01, 0.05)))


def slow_ones(world: World) -> None:
    """Requests for which the lead is passed from thread to thread."""
    for _ in range(4):
        world.client("slow", "a")


def servers_take_turns(world: World) -> None:
    """Two servers accept in turns, as a worker and a stand-in do: each hands over what is idle, and may get it back."""
    world.client("a", "b", "a")
    world.client("slow", "a")
    world.client("post", "a", pipelines=True)

    def take_turns() -> None:
        first, second = world.old, world.new
        for _ in range(4):
            world.scheduler.sleep(world.scheduler.chance.choice((0.0, 0.01)))
            first.stop_accepting(second.take)
            second.start_accepting()
            first, second = second, first

    world.start(take_turns)


def two_change_a_server(world: World) -> None:
    """While a server is drained, others ask it to accept again, and give it one more connection."""
    world.client("a", "b")
    world.reload()
    ours, theirs = socket.socketpair()
    world.stack.callback(ours.close)
    ours.send(get("/given"))
    ours.setblocking(False)

    def ask() -> None:
        world.old.start_accepting()
        world.old.take([(theirs, b"")])
        world.scheduler.wait(lambda: bool(select.select([ours], [], [], 0)[0]))

    world.start(ask)


def a_connection_is_taken(world: World) -> None:
    """A server that has nothing to do is given a connection on which a request waits."""
    ours, theirs = socket.socketpair()
    world.stack.callback(ours.close)
    ours.send(get("/taken"))
    ours.setblocking(False)

    def take() -> None:
        world.scheduler.sleep(1)  # it has looked for connections long ago, and looks before it waits
        world.new.take([(theirs, b"")])
        world.scheduler.wait(lambda: bool(select.select([ours], [], [], 0)[0]))
        world.scheduler.jumped -= 1

    world.start(take)


@pytest.mark.parametrize("scene", [slow_ones, a_connection_is_taken, servers_take_turns, two_change_a_server])
def test_wake_ups_are_not_lost(play: Play, scene: Callable[[World], None]):
    """One thread leads, and what is put into the queue is looked at, whenever the leader begins to wait."""
    for seed in one_in(2, range(40)):
        play(scene, Scheduler(seed, often=0.3))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("scene", [slow_ones, requests_and_a_reload, servers_take_turns])
def test_threads_that_can_not_be_started_are_done_without(play: Play, scene: Callable[[World], None], threads: int):
    """If the system refuses every second thread, each request is served once; with one thread never two at once."""
    for seed in one_in(2, range(40)):
        play(scene, Scheduler(seed, often=0.3, refuse=0.5), threads=threads)


@pytest.mark.parametrize("seed", one_in(2, range(2)))
def test_each_request_is_served_once_at_each_point_of_a_reload(play: Play, seed: int):
    """At any point where another thread continues while a server is replaced, each request is served once, at once."""
    at, scheduler = 0, Scheduler(seed, preempt_at=0)
    while at <= scheduler.points:
        at += 1
        scheduler = Scheduler(seed, preempt_at=at)
        play(requests_and_a_reload, scheduler)


@pytest.mark.parametrize("seed", one_in(2, range(150)))
def test_each_interleaving_serves_each_request_once(play: Play, seed: int):
    """In any order of the threads' steps each request is served once, and a drained server keeps no connection."""
    hurry = 0.02 if seed % 3 == 0 else 0.0
    play(anything, Scheduler(seed, often=(0.05, 0.3, 0.8)[seed % 3], hurry=hurry), threads=(1, 2, 3)[seed % 3])
