"""The memory through which the probe server knows the supervisor's state."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from appliance.protocol import probe_state
from appliance.protocol.probe_state import ProbeState, StateReader, StateWriter


@pytest.fixture
def writer() -> Iterator[StateWriter]:
    """The supervisor's side."""
    made = StateWriter()
    yield made
    made.close()


def test_a_state_is_read_as_written(writer: StateWriter):
    """Stage, generation and time pass; before the first state, the appliance starts."""
    reader = StateReader(writer.descriptor)
    assert reader.state() == ProbeState("starting", 0, 0.0)
    writer.write(ProbeState("serving", 2**40, 12345.678))
    assert reader.state() == ProbeState("serving", 2**40, 12345.678)


def test_beats_and_questions_are_counted(writer: StateWriter):
    """Beats pass to the probe server, and questions to the supervisor."""
    reader = StateReader(writer.descriptor)
    assert (reader.beats(), writer.question_count()) == (0, 0)
    for _ in range(3):
        writer.beat()
        reader.count_question()
    assert (reader.beats(), writer.question_count()) == (3, 3)


def test_a_supervisor_that_stops_within_a_change_holds_up_nobody(writer: StateWriter):
    """The last complete state is read while a change is not finished."""
    reader = StateReader(writer.descriptor)
    writer.write(ProbeState("serving", 1))
    assert reader.state().stage == "serving"
    writer._count_change()
    probe_state._STATE.pack_into(writer._memory, probe_state._STATE_AT, b"half", 9, 9.0)
    assert reader.state() == ProbeState("serving", 1)
    writer._count_change()
    assert reader.state().stage == "half"


def test_a_reader_never_sees_two_states_mixed(writer: StateWriter):
    """Every state that is read was written, while another thread writes all the time."""
    reader = StateReader(writer.descriptor)
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            writer.write(ProbeState(f"stage{number % 97}", number, float(number)))

    writer.write(ProbeState("stage1", 1, 1.0))
    assert reader.state().generation == 1
    thread = threading.Thread(target=write)
    thread.start()
    try:
        states = [reader.state() for _ in range(20_000)]
    finally:
        over.set()
        thread.join()
    mixed = [each for each in states if each != ProbeState(f"stage{each[1] % 97}", each[1], float(each[1]))]
    assert mixed == []
