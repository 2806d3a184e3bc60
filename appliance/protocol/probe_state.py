"""The state that the probe server answers from, in memory that it shares with the supervisor.

Theory of operation. The supervisor writes and the probe server reads; neither waits for the other. The supervisor adds
one to a sequence number before and after each change. A reader that finds an odd number, or another number after it has
read, reads again. If the supervisor was stopped within a change, the reader keeps what it read before. A counter of
beats shows that the supervisor's loop goes round. The probe server counts the questions for readiness in a field of its
own.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

from .inflight import memory_file

_SIZE = 4096
_COUNT = struct.Struct("=Q")
_SEQUENCE_AT, _BEATS_AT, _ASKED_AT, _STATE_AT = 0, 64, 128, 192
_STATE = struct.Struct("=32sQd")
_TRIES = 8


class ProbeState(NamedTuple):
    """The supervisor's report about the project.

    Attributes:
        stage: what goes on; "serving" while the current generation serves.
        generation: the number of the newest worker.
        ready_until: until this time of CLOCK_MONOTONIC the project is ready whatever the stage: requests wait for a
            reload that is under way.
    """

    stage: str = "starting"
    generation: int = 0
    ready_until: float = 0.0


class StateWriter:
    """The supervisor's side: creates the memory, and writes the state.

    Raises:
        OSError: there is no memory, or no descriptor.
    """

    def __init__(self) -> None:
        self.descriptor = memory_file(_SIZE)
        self._memory = mmap.mmap(self.descriptor, _SIZE)
        self._sequence = 0
        self._beats = 0
        self.write(ProbeState())

    def write(self, state: ProbeState) -> None:
        """Replace the state."""
        self._count_change()
        _STATE.pack_into(self._memory, _STATE_AT, state.stage.encode(), state.generation, state.ready_until)
        self._count_change()

    def beat(self) -> None:
        """Show that the supervisor goes on."""
        self._beats += 1
        _COUNT.pack_into(self._memory, _BEATS_AT, self._beats)

    def question_count(self) -> int:
        """Return how many questions for readiness have come so far."""
        found: int = _COUNT.unpack_from(self._memory, _ASKED_AT)[0]
        return found

    def close(self) -> None:
        """Free the memory."""
        self._memory.close()
        os.close(self.descriptor)

    def _count_change(self) -> None:
        self._sequence += 1
        _COUNT.pack_into(self._memory, _SEQUENCE_AT, self._sequence)


class StateReader:
    """The probe server's side."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _SIZE)
        self._last = ProbeState()
        self._questions = 0

    def state(self) -> ProbeState:
        """Return the newest state that is written in full."""
        for _ in range(_TRIES):
            before = _COUNT.unpack_from(self._memory, _SEQUENCE_AT)[0]
            stage, generation, ready_until = _STATE.unpack_from(self._memory, _STATE_AT)
            if before % 2 == 0 and before == _COUNT.unpack_from(self._memory, _SEQUENCE_AT)[0]:
                self._last = ProbeState(stage.rstrip(b"\0").decode(), generation, ready_until)
                break
        return self._last

    def beats(self) -> int:
        """Return how often the supervisor has shown that it goes on."""
        found: int = _COUNT.unpack_from(self._memory, _BEATS_AT)[0]
        return found

    def count_question(self) -> None:
        """Note that readiness was asked for."""
        self._questions += 1
        _COUNT.pack_into(self._memory, _ASKED_AT, self._questions)
