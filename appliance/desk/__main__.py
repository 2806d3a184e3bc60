"""``python -I -m appliance.desk DESCRIPTOR``: record what the supervisor logs."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.conventions import WATCHERS_NICE
from appliance.desk.detail_reader import DetailReader
from appliance.desk.line_ring import LineReader
from appliance.desk.pins.pin_file import PinFile
from appliance.desk.pins.pin_runs import Pins
from appliance.desk.recorder import Recorder
from appliance.desk.redaction import Redaction
from appliance.desk.replay.replayer import Replayer
from appliance.desk.replay.sending import Place
from appliance.protocol.channel import Channel, ChannelError
from appliance.protocol.greeting import first_message
from appliance.protocol.messages import Records
from appliance.protocol.page_messages import AskRecorder, NameSecrets, PublishPin, RecorderAnswers, TellServing
from appliance.protocol.start.first_messages import RecordLines
from appliance.protocol.start.needed_thread import start_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.protocol.record import Message


def main(descriptor: int) -> None:
    """Greet the supervisor, receive the pipe, and record until its end: the supervisor closes it last."""
    faulthandler.enable()
    channel = Channel.of(descriptor)
    first = first_message(channel, RecordLines)
    if first is None:
        return  # the supervisor has gone
    message, descriptors, others = first
    path = Path(message.path)
    wake, memory, *sockets = descriptors
    masks = Redaction(message.redact, message.secrets)
    recorder = Recorder(path, message.run, LineReader(memory), partial(_report, channel), redaction=masks)
    details = DetailReader(socket.socket(fileno=sockets[0]), recorder.raw) if sockets else None
    place = Place(message.host, message.port, message.secure)
    replayer = Replayer(path, recorder.raw, place, lambda: recorder.redaction)
    pins = Pins(replayer, PinFile(path), partial(_publish, channel), partial(_report, channel))
    replayer.questions.update(pins.questions)
    replayer.questions["recording"] = lambda _: {"failure": recorder.failure}
    take: Mapping[type[Message], Callable[[Any], object]] = {
        AskRecorder: partial(_ask, channel, replayer),
        TellServing: lambda serving: pins.serves(serving.generation, serving.revision),
        NameSecrets: lambda named: _mask(recorder, message.redact, named.values),
    }
    listener = threading.Thread(target=_listen, args=(channel, take, others), daemon=True)
    ended = threading.Event()
    last = threading.Thread(target=_store_last, args=(ended, recorder), daemon=True)
    # Started before os.nice, which lowers this thread and those that it starts later: a person waits for the others,
    # and the stop of the appliance for the last one.
    start_needed(listener, last, *([details.thread] if details is not None else []))
    with contextlib.suppress(OSError):
        os.nice(WATCHERS_NICE)
    recorder.run(wake, details)
    ended.set()
    last.join()


def _store_last(ended: threading.Event, recorder: Recorder) -> None:
    ended.wait()
    recorder.flush()


def _listen(channel: Channel, take: Mapping[type[Message], Callable[[Any], object]], received: list[Any]) -> None:
    """Take the supervisor's messages until it has gone."""
    with contextlib.suppress(ChannelError):
        while True:
            for message, _ in received:
                take[type(message)](message)
            received = list(channel.receive())


def _mask(recorder: Recorder, names: list[str], values: list[str]) -> None:
    recorder.redaction = Redaction(names, values)


def _ask(channel: Channel, replayer: Replayer, message: AskRecorder) -> None:
    """Answer a question in a thread of its own."""
    try:
        threading.Thread(target=_answer, args=(channel, replayer, message), daemon=True).start()
    except (RuntimeError, MemoryError) as error:  # this thread goes on: it takes the other messages
        with contextlib.suppress(ChannelError):
            answer = {"error": f"The recorder can't start a thread for this: {error}. Try it again."}
            channel.send(RecorderAnswers(number=message.number, answer=answer))


def _answer(channel: Channel, replayer: Replayer, asked: AskRecorder) -> None:
    try:
        answer = replayer.answer(asked.question)
    except Exception as error:  # a defect: it is reported by the thread's hook, and the page must not wait
        answer = {"error": f"The recorder has failed: {type(error).__name__}: {error}."}
        raise
    finally:
        with contextlib.suppress(ChannelError):
            channel.send(RecorderAnswers(number=asked.number, answer=answer))


def _publish(channel: Channel, pin: dict[str, Any]) -> None:
    with contextlib.suppress(ChannelError):
        channel.send(PublishPin(pin=pin))


def _report(channel: Channel, level: str, event: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(ChannelError):
        channel.send(Records(batch=[["event", time.time(), level, event, fields]]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
