"""Other tests of this process load Django, which would change how chunked bodies are received."""

from __future__ import annotations

import pytest

from appliance.server.wsgi import buffered_body


@pytest.fixture(autouse=True)
def no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """No framework that reads by a body's length is loaded, as far as the server can see."""
    monkeypatch.setattr(buffered_body, "READ_BY_LENGTH", ())
