"""What a line of the log costs, on both sides: ``python -m benchmarks.log``.

The worker's share of a request's record (its making, the batch, the send) and of its count in shared memory; what a
printed line and a record of ``logging`` cost the project; the supervisor's share of a line, from the bytes on the
channel or the pipe to bytes for stdout. CPU time, the best of several runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from appliance.logs.log import make_log
from appliance.logs.project_output.malloc_settings import keep_freed_memory
from appliance.logs.project_output.output_lines import OutputLines, loads
from appliance.protocol.channel import Channel
from appliance.protocol.inflight import InFlight, Reading
from appliance.protocol.messages import Records
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.hooks import Hooks
from appliance.worker.records import RecordSink
from appliance.worker.stdio import logging_records
from appliance.worker.stdio import stdio as worker_stdio
from benchmarks.results import keep

if TYPE_CHECKING:
    from collections.abc import Callable

LINES = 4_096
_RUNS = 9
HEAD = (
    b"GET /notes?page=2 HTTP/1.1\r\nHost: localhost:8000\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
    b"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36\r\nAccept: */*"
)


def exchange(number: int) -> Exchange:
    """A request as it is when it has ended."""
    head = HeadParser(FieldReader(Limits()), lenient=False, secure=False, persistent=True).parse(HEAD)
    made = Exchange(head, "127.0.0.1", 8000, 10.0, f"0123456789abcdef-{number}")
    made.status, made.body_size, made.ended, made.answered, made.finished = 200, 512, time.time(), 10.001, 10.002
    return made


def cost_us(run: Callable[[], None], lines: int = LINES) -> float:
    """CPU time of this thread for one line, in microseconds: the best run's."""
    spent = []
    for _ in range(_RUNS):
        before = time.thread_time()
        run()
        spent.append(time.thread_time() - before)
    return min(spent) / lines * 1e6


def worker_record(batch: int) -> float:
    """A request's record in the worker, sent in batches of so many to somebody who reads."""
    ours, theirs = socket.socketpair()
    drain(theirs.fileno())
    sink = RecordSink(Channel(ours))
    ended = [exchange(number) for number in range(LINES)]

    def run() -> None:
        for number, each in enumerate(ended, 1):
            sink.exchange(each)
            if number % batch == 0:
                sink.flush()

    return cost_us(run)


def worker_count() -> float:
    """A request's beginning and end in the memory that is shared."""
    reading = Reading(64)
    tally, each = InFlight(reading.descriptor), exchange(1)

    def run() -> None:
        for _ in range(LINES):
            tally.begin(each, HEAD)
            tally.end(each)

    return cost_us(run)


def supervisor_record(batch: int) -> float:
    """A request's line in the supervisor: decoded, rendered, handed to the writer."""
    log = make_log(lambda _line: None, level="info", access="on")
    here, there = socket.socketpair()
    sent = Channel(here)
    ended = [exchange(number) for number in range(batch)]
    frames: list[bytes] = []
    for _ in range(LINES // batch):
        sent.send(Records(batch=[each.record().to_wire() for each in ended]))
        frames.append(there.recv(1 << 20))
    far, near = socket.socketpair()
    received = Channel(near, loads=loads)

    def feed() -> None:
        for frame in frames:
            far.sendall(frame)

    def run() -> None:
        threading.Thread(target=feed).start()  # this thread's time alone counts
        left = len(frames)
        while left:
            for message, _ in received.receive():
                log.records(message.batch, role="worker", generation=1)  # type: ignore[attr-defined]  # Records alone
                left -= 1

    return cost_us(run)


def project_words() -> tuple[float, float, list[bytes]]:
    """A printed line and a record of ``logging`` in the worker; and what arrives of the former."""
    kept = os.dup(1)
    read, write = os.pipe()
    os.dup2(write, 1)
    chunks: list[bytes] = []
    drain(read, chunks)
    said = worker_stdio.Stdio(bytes(16))
    logger = logging.getLogger("benchmark")
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logging_records.StreamHandlerHook(said.pipes, Hooks()).install()

    def printing() -> None:
        for _ in range(LINES):
            print("a line that a project prints, of some length")

    def recording() -> None:
        for number in range(LINES):
            logger.warning("a record of the project's, number %d", number)

    try:
        printed = cost_us(printing)
        arrived = list(chunks)
        return printed, cost_us(recording), arrived
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


def supervisor_words(chunks: list[bytes]) -> float:
    """A printed line in the supervisor, as it came from the pipe."""
    log = make_log(lambda _line: None, level="info", access="on")

    def run() -> None:
        words = OutputLines(bytes(16))
        for chunk in chunks:
            log.output(list(words.feed(chunk)), stream="stdout", role="worker", generation=1, pid=1)

    return cost_us(run, sum(chunk.count(b"\n") for chunk in chunks))


def drain(descriptor: int, into: list[bytes] | None = None) -> None:
    """Have a thread read it to its end."""

    def run() -> None:
        with contextlib.suppress(OSError):  # it was closed, at the end
            while data := os.read(descriptor, 65_536):
                if into is not None:
                    into.append(data)

    threading.Thread(target=run, daemon=True).start()


def table(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    rows = [f"| {name} | {cost:.1f} |" for name, cost in result.items()]
    return "\n".join(["| a line of | µs |", "|---|---:|", *rows]) + "\n"


def main() -> None:
    """Measure, print the table, keep the result."""
    keep_freed_memory()
    result = {f"request, in the worker, batches of {size}": worker_record(size) for size in (64, 8, 1)}
    result["request's count in shared memory"] = worker_count()
    result |= {f"request, in the supervisor, batches of {size}": supervisor_record(size) for size in (64, 8, 1)}
    printed, logged, chunks = project_words()
    result |= {"output, in the worker": printed, "logging, in the worker (logging's own cost included)": logged}
    result["output, in the supervisor"] = supervisor_words(chunks)
    sys.stdout.write(table(result))
    sys.stdout.flush()
    keep("log", result)


if __name__ == "__main__":
    main()
