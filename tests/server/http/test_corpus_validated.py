"""The good requests of tests/requests once more, with ``wsgiref.validate`` around the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from wsgiref.validate import validator

import pytest

from tests.server.http.test_corpus import LIMITS, Case, cases, converse, play_each
from tests.server.served import Client, Served


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads its input in each of the ways that the validator knows."""
    source = environ["wsgi.input"]
    read: list[Callable[[], Any]] = [lambda: source.read(5), source.readline, lambda: source.readlines(7)]
    size = sum(len(b"".join(each) if isinstance(each, list) else each) for each in (step() for step in read))
    size += sum(map(len, source)) + len(source.read(-1))
    environ["wsgi.errors"].write("")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % size]


@pytest.fixture(scope="module")
def validated() -> Iterator[Served]:
    """One server for all cases."""
    with ExitStack() as stack:
        yield Served(validator(application), stack, limits=LIMITS)


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")  # of methods that it does not know
def test_the_validator_finds_nothing(validated: Served):
    """Environ, streams and the order of calls are PEP 3333's for every request that is served."""

    def play(case: Case) -> None:
        client = Client(validated.address)
        try:
            responses = converse(client, case, case.sent)
        finally:
            client.close()
        assert {response.status for response in responses} <= {100, 200}
        assert len(responses) >= len(case.received)
        assert validated.sink.events == []

    play_each(cases("valid"), play)
