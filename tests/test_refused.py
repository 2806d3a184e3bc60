"""The errors of what was asked for and can't be done: each says what was found, and what to do."""

from __future__ import annotations

import ast
import importlib
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appliance.assistants.replay_tools import replay_request
from appliance.assistants.state_tools import worker_stacks
from appliance.assistants.tool_call import Call, ToolError
from appliance.assistants.tool_sources import Sources
from appliance.assistants.tool_table import BY_NAME
from appliance.desk.redaction import Redaction
from appliance.desk.replay.raw_requests import RawRequests
from appliance.desk.replay.replayer import Known, Replayer
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sending import Place
from appliance.desk.replay.sent_request import ReplayError, of_head
from appliance.desk.request_tests.new_file import NotWrittenError, write_new
from appliance.desk.store import Store
from appliance.desk.table_rows import rows
from appliance.refused import RefusedError
from appliance.standin.desk_pages.page_frame import PageAnswers
from appliance.standin.replay_pages.request_test_page import WrittenPages
from tests.desk.log_lines import START, request
from tests.parsed_files import nodes

ROOT = Path(__file__).parents[1]
KINDS = {"ReplayError", "NotWrittenError", "ToolError"}


def raised() -> Iterator[tuple[str, ast.Call]]:
    """Each place that raises such an error from sentences of its own."""
    for path in sorted((ROOT / "appliance").rglob("*.py")):
        for node in nodes(path):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                made = node.exc
                if isinstance(made.func, ast.Name) and made.func.id in KINDS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", made


def text_of(argument: ast.expr, place: str) -> str:
    """The source of an argument's text; that of a constant with a name is its value."""
    if isinstance(argument, ast.Name):
        module = place.partition(".py:")[0].replace("/", ".")
        return str(getattr(importlib.import_module(module), argument.id, ""))
    return ast.unparse(argument).rstrip("'\"")


def test_each_refusal_is_two_sentences():
    """Wherever one is raised, what was found is a sentence, and what to do is another."""
    found = {place: (made.args, made.keywords) for place, made in raised()}
    assert len(found) > 40
    for place, ((what,), (action,)) in found.items():
        assert text_of(what, place).endswith("."), place
        assert action.arg == "action", place
        if isinstance(action.value, ast.Constant):
            assert str(action.value.value)[:1].isupper(), place


class Answers(Sources):
    """A supervisor with one answer for everything."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer

    def ask(self, question: str = "status", *, timeout_s: float = 5.0) -> dict[str, Any]:
        """The answer, whatever the question."""
        del question, timeout_s
        return self.answer

    def status(self) -> dict[str, Any]:
        """The same answer."""
        return self.answer


def replayer(path: Path, *, records: bool) -> Replayer:
    """Return a replayer of a database with one request, or without a database."""
    if records:
        store = Store(path / "desk.sqlite3")
        store.add(rows([request("/order", START)], "run"))
        store.close()
    return Replayer(path / "desk.sqlite3", RawRequests(), Place("127.0.0.1", 1), Redaction)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def written(path: Path) -> None:
    """A test is written onto a full disk."""
    with full_disk():
        write_new(str(path), "test_a.py", "x = 1\n")


# The errors that no other test raises. A reason is the beginning of what was found, or a part of what to do.
REFUSED: dict[str, tuple[type[RefusedError], Callable[[Path], object], str, str]] = {
    "no database": (
        ReplayError, lambda path: replayer(path, records=False).find(1), "Nothing is recorded: ", "Open the project",
    ),
    "no such request": (
        ReplayError, lambda path: replayer(path, records=True).find(7), "This request is not kept", "from the list",
    ),
    "a head that is none": (ReplayError, lambda _: of_head(b"GET", b""), "The request line is not", "from its client"),
    "a full disk": (NotWrittenError, written, "test_a.py can't be written: File too large.", "another folder"),
    "no object": (ToolError, lambda _: BY_NAME["get_log"].checked([1]), "The arguments are not an object.", "by name"),
    "stacks for others": (
        ToolError, lambda _: worker_stacks(Answers(health="healthy"), Call({})), "Only root and", "docker compose exec",
    ),
    "no worker": (
        ToolError, lambda _: worker_stacks(Answers(pid=None), Call({})), "No worker is running.", "Call status",
    ),
    "the recorder's": (
        ToolError, lambda _: replay_request(Answers(error="It is gone. Look at the log."), Call({"number": 1})),
        "It is gone.", "Look at the log.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_what_to_do(case: str, tmp_path: Path):
    """A refusal's two sentences can be read alone, and its text is both of them."""
    kind, ask, found, action = REFUSED[case]
    with pytest.raises(kind) as refused:
        ask(tmp_path)
    assert refused.value.found.startswith(found)
    assert action in refused.value.action
    assert str(refused.value) == f"{refused.value.found} {refused.value.action}"
    assert list(tmp_path.glob("*.py")) == []


class Forgotten(Replayer):
    """A replayer that knows a request from the database alone."""

    def find(self, number: Any) -> Known:
        """A request that is no longer in memory."""
        return Known({"id": number}, None, None, Shown("GET", "/", []))


def test_secrets_are_copied_from_memory_alone(tmp_path: Path):
    """A copy with secrets is refused once the request has left the memory; the answer is both sentences."""
    made = Forgotten(tmp_path, RawRequests(), Place("127.0.0.1", 1), Redaction)
    error = made.answer({"ask": "copy", "number": 1})["error"]
    assert error == "The request is no longer in memory, so its secrets are not known. Copy it without them."


@pytest.mark.parametrize(
    ("records", "found"), [(False, "Open the project, then try again."), (True, "Choose one from the list.")]
)
def test_the_page_of_a_test_says_why_there_is_none(tmp_path: Path, records: bool, found: str):
    """The page that writes a request as a test shows both sentences as well."""
    replayer(tmp_path, records=records)
    shown: list[dict[str, Any]] = []

    def answer(*given: Any, **_: Any) -> list[bytes]:
        shown.append(given[4])
        return []

    pages = WrittenPages(
        str(tmp_path / "desk.sqlite3"), str(tmp_path), "", cast("PageAnswers", SimpleNamespace(answer=answer))
    )
    route = pages.find("GET", "/__appliance__/requests/7/test")
    assert route is not None
    route({}, lambda *_: None)
    assert shown[0]["error"].endswith(found)
