"""The server's fixtures; what they are made of is in served.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from appliance.server.wsgi import buffered_body
from tests.server.served import Echo, Served
from tests.server.slow import CONTENT, Every


@pytest.fixture(autouse=True)
def no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process load Django, which would change how chunked bodies are received."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", ())


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start servers; they end with the test."""
    with ExitStack() as stack:

        def start(application: Any = None, **options: Any) -> Served:
            return Served(application or Echo(), stack, **options)

        yield start


@pytest.fixture
def every(tmp_path: Path) -> Every:
    """The application, with a file of its content."""
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return Every(file)
