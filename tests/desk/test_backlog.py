"""Lines that wait to be stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.backlog import Backlog


@given(st.lists(st.binary(max_size=8).map(lambda text: text.replace(b"\n", b"")), max_size=30), st.data())
def test_lines_are_whole_however_they_are_cut(lines, data):
    """However the bytes arrive, each line is taken once, whole and in order, and a half one waits for its end."""
    backlog = Backlog(1000, 1_000_000)
    stream = b"".join(line + b"\n" for line in lines)
    taken = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        backlog.add(stream[:size])
        stream = stream[size:]
        if data.draw(st.booleans()):
            taken += backlog.take()
    assert taken + backlog.take() == [line for line in lines if line]
    assert not backlog


def test_of_a_flood_the_last_lines_are_kept():
    """Beyond its limit the oldest chunks are left out; at least the last lines of the limit stay."""
    backlog = Backlog(100, 1_000_000)
    for number in range(1000):
        backlog.add(b"%d\n" % number)
    taken = backlog.take()
    assert taken[-1] == b"999"
    assert 100 <= len(taken) < 110


def test_large_lines_are_bounded_by_their_bytes():
    """Few large lines are bounded too, and one that never ends is dropped."""
    backlog = Backlog(100, 1000)
    for _ in range(10):
        backlog.add(b"x" * 400 + b"\n")
    assert len(backlog.take()) == 2
    for _ in range(10):
        backlog.add(b"x" * 400)
    assert not backlog
