"""Faults as fixtures, for every test that runs a part of the appliance in this process.

``faults`` holds the plan: which call fails, with what, how often. Each of the others puts the plan in the way of one
kind of call, and nothing fails before the test plans it::

    @pytest.mark.usefixtures("thread_faults")
    def test_no_thread(faults):
        faults.plan("request", NO_THREAD)

| fixture | calls, by the name to plan |
|---|---|
| ``spawn_faults`` | ``Popen`` |
| ``thread_faults`` | a thread's start, by the thread's name |
| ``descriptor_faults`` | ``pipe``, ``dup``, ``socketpair``, ``epoll`` |
| ``disk_faults`` | ``open``, ``pwrite``, ``fstatvfs``, ``dup``, ``ftruncate`` in threads of the server |
| ``few_descriptors`` | none: within ``few_descriptors(2)`` the kernel gives this process two descriptors more |
| ``bad_frame`` | none: the test runs once for each frame that is not a message of the channel |

A whole appliance with a fault, in processes of its own, is ``faulty`` (tests/faults/conftest.py).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import select
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

NO_THREAD = RuntimeError("can't start new thread")
NO_DESCRIPTOR = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
NO_PROCESS = OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
_SERVER_THREADS = {"request", "transfers"}

FewDescriptors = Callable[[int], AbstractContextManager[None]]


class Faults:
    """The calls that fail: by the call's name, how often (-1: always), and with which error.

    Attributes:
        failed: is released at each failure, for a test to wait for.
    """

    def __init__(self) -> None:
        self._planned: dict[str, tuple[int, int, Exception]] = {}
        self.failed = threading.Semaphore(0)

    def plan(self, call: str, error: Exception, times: int = -1, *, after: int = 0) -> None:
        """Fail so often from now on, after so many calls that succeed."""
        self._planned[call] = (after, times, error)

    def end(self, call: str) -> None:
        """Stop failing."""
        self._planned.pop(call, None)

    def meet(self, call: str) -> None:
        """The call is made."""
        after, times, error = self._planned.get(call, (0, 0, OSError()))
        if after:
            self._planned[call] = (after - 1, times, error)
        elif times:
            self._planned[call] = (0, times - 1, error)
            self.failed.release()
            raise error

    def before(
        self, patch: pytest.MonkeyPatch, holder: Any, name: str, *, threads: frozenset[str] = frozenset()
    ) -> None:
        """Put the plan in the way of ``holder.name``; only in threads of these names, where any are given."""
        real = getattr(holder, name)

        def called(*given: Any, **named: Any) -> Any:
            if not threads or threading.current_thread().name in threads:
                self.meet(name)
            return real(*given, **named)

        patch.setattr(holder, name, called)


@pytest.fixture
def faults() -> Faults:
    """Nothing fails yet."""
    return Faults()


@pytest.fixture
def spawn_faults(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Starting a process may fail: ``Popen``."""
    faults.before(monkeypatch, subprocess, "Popen")
    return faults


@pytest.fixture
def thread_faults(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Starting a thread may fail, by the thread's name."""
    start = threading.Thread.start

    def called(thread: threading.Thread) -> None:
        faults.meet(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", called)
    return faults


@pytest.fixture
def descriptor_faults(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Getting a descriptor may fail: ``pipe``, ``dup``, ``socketpair``, ``epoll``."""
    for holder, name in ((os, "pipe"), (os, "dup"), (socket, "socketpair"), (select, "epoll")):
        if hasattr(holder, name):
            faults.before(monkeypatch, holder, name)
    return faults


@pytest.fixture
def disk_faults(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Calls to the disk may fail in the server's threads."""
    for name in ("open", "pwrite", "fstatvfs", "dup", "ftruncate"):
        faults.before(monkeypatch, os, name, threads=frozenset(_SERVER_THREADS))
    return faults


@pytest.fixture
def few_descriptors() -> Iterator[FewDescriptors]:
    """A context in which the kernel gives this process so many descriptors more, and then EMFILE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    @contextlib.contextmanager
    def only(more: int) -> Iterator[None]:
        read, write = os.pipe()
        free = sorted([read, write, *(os.dup(read) for _ in range(more))])
        for number in free:
            os.close(number)
        limit = free[more]  # the first number that it may not have
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    yield only
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def frame(payload: bytes, descriptors: int = 0) -> bytes:
    """A frame of the channel, whatever its payload is."""
    return struct.pack(">IB", len(payload), descriptors) + payload


def _message(**fields: object) -> bytes:
    return frame(json.dumps(fields).encode())


BAD_FRAMES = {
    "no JSON": frame(b"this is no JSON"),
    "no UTF-8": frame(b"\xff"),
    "null": frame(b"null"),
    "too deep": frame(b'{"kind":"failed","report":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001),
    "a list": frame(b"[1, 2]"),
    "no kind": _message(),
    "unknown kind": _message(kind="surprise"),
    "unknown field": _message(kind="drained", more=1),
    "missing field": _message(kind="hello"),
    "wrong type": _message(kind="records", batch="none"),
    "wrong type of a field": _message(kind="ready", import_s="long"),
    "too long": struct.pack(">IB", 2**31, 0),
    "descriptors that do not come": frame(b'{"kind":"drained"}', 3),
}


@pytest.fixture(params=BAD_FRAMES.values(), ids=list(BAD_FRAMES))
def bad_frame(request: pytest.FixtureRequest) -> bytes:
    """Bytes that are not a message of the channel: the test runs with each."""
    given: bytes = request.param
    return given
