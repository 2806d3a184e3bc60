"""The output of children is read in pieces, and passed on in lines: without a process."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from appliance.supervisor.loop import Loop
from appliance.supervisor.processes.child_outputs import ChildOutputs
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from tests.supervisor.loops import turn


class Printing:
    """A companion that prints into a pipe, and the sizes of the pieces in which its lines are passed on."""

    def __init__(self, loop: Loop) -> None:
        read, self.write = os.pipe()
        for descriptor in (read, self.write):
            os.set_blocking(descriptor, False)
        self.pieces: list[int] = []
        self.outputs = ChildOutputs(loop, lambda _, __, lines: self.pieces.append(len(lines)))
        self.child = Handle(Role.COMPANION, 0, 1_000_000_000, {"stdout": read}, name="floods")
        self.outputs.add(self.child)

    def end(self) -> None:
        """Close the pipe at both ends."""
        os.close(self.write)
        self.outputs.read_rest(self.child)


@pytest.fixture
def printing(loop: Loop) -> Iterator[Printing]:
    made = Printing(loop)
    yield made
    made.end()


def test_a_flood_is_read_in_small_pieces(printing: Printing):
    """A companion that floods its output is read so little at a time that the others are heard in between."""
    written = os.write(printing.write, b"y\n" * 32_768)
    while sum(printing.pieces) * 2 < written:
        assert printing.outputs.read(printing.child, "stdout")
    assert max(printing.pieces) <= 2048


def test_an_output_that_is_not_watched_waits(printing: Printing, loop: Loop):
    """While no output is read, what a child prints stays in its pipe; then it is passed on."""
    os.write(printing.write, b"late\n")
    printing.outputs.watch(printing.child)
    printing.outputs.unwatch_all()
    turn(loop)
    assert printing.pieces == []
    printing.outputs.watch_all()
    turn(loop)
    assert printing.pieces == [1]


def test_the_end_of_an_output_is_read_once(printing: Printing):
    """When a child has closed its output there is nothing to read, now or ever, and its descriptor is closed."""
    os.write(printing.write, b"last\n")
    os.close(printing.write)
    printing.write = os.open(os.devnull, os.O_WRONLY)
    printing.outputs.read_rest(printing.child)
    assert printing.pieces == [1]
    assert not printing.outputs.read(printing.child, "stdout")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(printing.child.outputs["stdout"])
