"""Requests for forks: each is served, also one that came with the end of a large message before it."""

from __future__ import annotations

import contextlib
import os

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
