"""Requests for forks: each is served, also one that came with the end of a large message before it."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from appliance.protocol.channel import Channel
from appliance.protocol.messages import Fork
from appliance.worker.preload import fork_requests


def test_a_request_that_was_read_with_the_first_message_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that was read with the end of the list of modules is served; a copy keeps nothing of the next one."""
    monkeypatch.setattr(fork_requests, "forked", lambda: contextlib.nullcontext(True))  # here is the copy
    monkeypatch.setattr(fork_requests, "set_outputs", lambda _: None)
    own, supervisors = Channel.pair()
    copys, other = Channel.pair()
    read, write = os.pipe()
    number = copys.detach()
    found = fork_requests.serve_forks(Channel(own), None, [(Fork(), [number]), (Fork(), [read])])
    assert found.fileno() == number
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(read)
    os.close(write)
    for end in (found, supervisors, other):
        end.close()


def test_a_copy_waits_although_sockets_have_a_default_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy waits for the supervisor without end, although the import has set a default timeout for sockets."""
    monkeypatch.setattr(fork_requests, "forked", lambda: contextlib.nullcontext(True))  # here is the copy
    monkeypatch.setattr(fork_requests, "set_outputs", lambda _: None)
    own, supervisors = Channel.pair()
    copys, other = Channel.pair()
    socket.setdefaulttimeout(5.0)
    try:
        found = fork_requests.serve_forks(Channel(own), None, [(Fork(), [copys.detach()])])
    finally:
        socket.setdefaulttimeout(None)
    assert os.get_blocking(found.fileno())
    for end in (found, supervisors, other):
        end.close()
