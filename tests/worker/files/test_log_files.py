"""Log files that an import opens: closed at the end, and opened again with the next line."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from appliance.worker.files.log_files import LogFiles


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], tuple[LogFiles, logging.FileHandler, list[str]]]:
    """A handler that an import makes, as the audit hook notices it."""

    def make() -> tuple[LogFiles, logging.FileHandler, list[str]]:
        (tmp_path / "app.log").write_text("before\n")
        written: list[str] = []
        logs = LogFiles(written.append)
        logs.begin()
        noticed: list[bool] = []

        def notice(frame: FrameType, event: str, _: Any) -> None:
            if event == "c_call" and frame.f_code.co_name == "_open":
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
                noticed.append(logs.allow_open(frame, (str(tmp_path / "app.log"), "a", flags)))

        sys.setprofile(notice)
        handler = logging.handlers.RotatingFileHandler(tmp_path / "app.log", maxBytes=1000, backupCount=1)
        sys.setprofile(None)
        assert True in noticed
        return logs, handler, written

    return make


def test_a_closed_log_file_opens_again(opened, tmp_path: Path) -> None:
    """After the end no file is open; the next line is appended, also to a file that was rotated meanwhile."""
    logs, handler, written = opened()
    stream = handler.stream
    logs.end()
    assert stream.closed
    (tmp_path / "app.log").rename(tmp_path / "app.log.1")
    handler.emit(logging.makeLogRecord({"msg": "after"}))
    handler.close()
    assert (tmp_path / "app.log").read_text() == "after\n"
    assert written == []


def test_a_line_during_the_import_is_noticed_first(opened) -> None:
    """A line that is logged into a file is reported before it is written."""
    logs, handler, written = opened()
    handler.emit(logging.makeLogRecord({"msg": "after"}))
    logs.end()
    assert written == [f"writes into the log file {handler.baseFilename}"]
    handler.emit(logging.makeLogRecord({"msg": "later"}))
    handler.close()
    assert len(written) == 1


def test_a_file_opened_by_other_code_is_not_a_log(tmp_path: Path) -> None:
    """Only logging's own method may open a file, only one that exists, and only to append."""
    logs = LogFiles(lambda _: None)
    frame = sys._getframe()
    assert not logs.allow_open(frame, (str(tmp_path), "a", os.O_APPEND))
    logs.begin()
    assert not logs.allow_open(frame, (str(tmp_path), "a", os.O_APPEND))
    logs.end()
