"""One call makes the C library give large blocks back, and nothing depends on it."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from appliance.server.io.background.memory_release import MemoryRelease


def test_the_threshold_is_set_once(monkeypatch: pytest.MonkeyPatch):
    """The first object of a megabyte sets both of glibc's thresholds (malloc.h: -3, -1); no other does."""
    calls: list[tuple[int, int]] = []
    library = SimpleNamespace(mallopt=lambda *call: calls.append(call))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: {None: library}[name])
    release = MemoryRelease()
    release.note(1_048_575)
    assert calls == []
    for _ in range(2):
        release.note(1_048_576)
        assert calls == [(-3, 1_048_576), (-1, 1_048_576)]


def test_another_c_library_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    """Without mallopt, what was freed is kept: nothing fails, and it is not tried again."""
    tries: list[object] = []

    def missing(name: object) -> object:
        tries.append(name)
        raise OSError("there is none")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    release = MemoryRelease()
    for _ in range(2):
        release.note(1_048_576)
    assert tries == [None]
