"""The reason of a step of a snapshot that failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.worker.snapshot.failure_reason import failure_reason

HERE = "/".join(Path(__file__).parts[-2:])


def raised(call: object) -> BaseException:
    """The exception of this call."""
    with pytest.raises(Exception) as caught:
        call()  # type: ignore[operator]
    return caught.value


def test_the_reason_names_the_last_line_of_the_project():
    """The exception, the first line of its text, and the project's own line, though a library has raised it."""
    error = raised(lambda: int("x\ny"))
    assert failure_reason(error, lambda file: file == __file__).startswith("ValueError: invalid literal for int()")
    assert f" at {HERE}:" in failure_reason(raised(lambda: Path("/gone/x").stat()), lambda file: file == __file__)


def test_the_reason_names_the_innermost_line_without_the_project():
    """If no line of the project led there, the innermost line is the place: it says which step of ours failed."""
    reason = failure_reason(raised(lambda: Path("/gone/x").stat()), lambda _: False)
    assert reason.startswith("FileNotFoundError: [Errno 2]")
    assert "pathlib" in reason


def test_a_text_of_many_lines_is_shortened_to_one():
    """Only the first line of the text is shown; an exception without a text has its name alone."""

    def fail(*words: str) -> None:
        raise KeyError(*words) if not words else LookupError(*words)

    assert "two" not in failure_reason(raised(lambda: fail("one\ntwo")), lambda _: True)
    assert failure_reason(raised(fail), lambda _: True).startswith("KeyError at ")
