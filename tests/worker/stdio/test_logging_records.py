"""Records of logging: as the project's configuration lets them through, structured, once."""

from __future__ import annotations

from typing import Any

from tests.worker.tagged_program import tagged_output, texts


def records(program: str) -> list[dict[str, Any]]:
    """The records that this program logs."""
    return [each.record for each in tagged_output("import logging\n" + program) if each.record is not None]


def test_a_record_holds_logger_message_place_and_extras():
    """Logger, message, place and extra fields; thread and level's name where they are none of the usual."""
    found = records("""
import threading
def log():
    logging.getLogger("shop.till").log(35, "sold %d", 3, extra={"customer": "c1", "odd": object(), "n": float("nan")})
    print("done")
logging.addLevelName(35, "NOTICE")
thread = threading.Thread(target=log, name="till-1")
thread.start(); thread.join()
""")[0]
    assert found.pop("line") > 0
    extra = found.pop("extra")
    assert (extra["customer"], extra["n"]) == ("c1", "NaN")
    assert extra["odd"].startswith("<object object")
    assert found == {
        "level": "warning",
        "logger": "shop.till",
        "message": "sold 3",
        "file": "<string>",
        "function": "log",
        "level_name": "NOTICE",
        "thread": "till-1",
    }


def test_a_value_that_is_not_json_is_replaced_by_its_text():
    """A value that is not JSON is replaced by its text: nothing is left out silently."""
    found = records("""
circle = []
circle.append(circle)
logging.error("keys", extra={"sold": {("a", 1): 3, b"b": 4}})
logging.error("circle", extra={"circle": circle})
""")
    assert found[0]["extra"]["sold"] == "{('a', 1): 3, b'b': 4}"
    assert found[1]["extra"]["circle"] == "[[...]]"


def test_an_exception_is_structured():
    """Type, message, frames, notes and what led to it; never the value of a variable."""
    found = records("""
def inner():
    secret = "hunter2"
    raise KeyError("missing")
try:
    try:
        inner()
    except KeyError as error:
        raise ValueError("bad") from error
except ValueError as error:
    if hasattr(error, "add_note"):
        error.add_note("a note")
    logging.exception("it failed")
""")[0]
    first, cause = found["exception"]
    assert (first["type"], first["message"], first.get("notes", ["a note"])) == ("ValueError", "bad", ["a note"])
    assert (cause["type"], cause["of"]) == ("KeyError", "cause")
    assert [frame["function"] for frame in cause["frames"]] == ["<module>", "inner"]
    assert "hunter2" not in repr(found)


def test_an_exception_is_bounded():
    """An exception of a thousand frames keeps the first and the last; a group lists its parts."""
    deep, group = records("""
def down():
    down()
try:
    down()
except RecursionError:
    logging.exception("deep")
try:
    raise ExceptionGroup("several", [ValueError(str(number)) for number in range(50)])
except ExceptionGroup:
    logging.exception("group")
""")
    assert len(deep["exception"][0]["frames"]) == 100
    assert deep["exception"][0]["left_out"] > 500
    assert [each.get("of") for each in group["exception"]] == [None, *["part"] * 19]


def test_a_record_that_cannot_be_formatted_loses_nothing_else():
    """Python's logging reports a record whose arguments do not fit; extras that can't be text lose nothing else."""
    said = tagged_output("""
import logging
logging.warning("%d", "no number")
class Bad:
    def __str__(self): raise ValueError
circle = []
circle.append(circle)
logging.warning("told", extra={"circle": circle, "bad": Bad()})
""")
    assert [text.split("\n")[0] for text in texts(said)] == ["--- Logging error ---"]
    extra = next(each.record for each in said if each.record is not None)["extra"]
    assert extra == {"circle": "[[...]]", "bad": "<Bad whose text can't be read: ValueError>"}


def test_each_record_is_printed_once():
    """A record that two handlers would print goes once; the next one goes again, though it says the same."""
    found = records("""
logging.basicConfig(level="INFO", format="%(name)s %(message)s")
logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))
for _ in range(2):
    logging.info("hello")
""")
    assert [record["message"] for record in found] == ["hello", "hello"]


def test_handlers_of_other_kinds_write_what_they_wrote():
    """A handler with a formatter class of its own, and one for another stream, write what they wrote."""
    said = tagged_output("""
import io, logging
class Shout(logging.Formatter):
    def format(self, record):
        return super().format(record).upper()
own, kept = logging.StreamHandler(sys.stdout), io.StringIO()
own.setFormatter(Shout())
logging.basicConfig(handlers=[own, logging.StreamHandler(kept)])
logging.warning("hello")
print(repr(kept.getvalue()))
""")
    assert texts(said) == ["HELLO", "'WARNING:root:hello\\n'"]
    assert [each.record for each in said] == [None, None]


def test_a_handler_with_a_format_of_its_own_writes_its_text():
    """A handler whose class masks or colours the text itself writes that text, and the record is not sent beside it."""
    pieces = tagged_output("""
import logging
class Masking(logging.StreamHandler):
    def format(self, record):
        return super().format(record).replace("hunter2", "***")
logging.basicConfig(handlers=[Masking()], format="%(message)s")
logging.error("the password is hunter2")
""")
    assert texts(pieces) == ["the password is ***"]
    assert all(each.record is None for each in pieces)


def test_a_long_message_is_cut_and_marked():
    """A message of a million characters is cut, and says how many it lost; a string among the extras stays."""
    found = records('logging.warning("x" * 1_000_000, extra={"long": "y" * 100_000})')[0]
    assert found["message"] == "x" * 65_536 + "... (934464 more characters)"
    assert found["extra"]["long"] == "y" * 100_000
