"""Lines that belong together are one event; every line is in one."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.project_output.blocks import MAX_LINES, Block, Blocks, stands_alone


def fed(*writes):
    """The blocks of these writes, each a list of lines."""
    blocks = Blocks()
    return [*(block for lines in writes for block in blocks.feed(lines)), *blocks.settle()]


def one_by_one(text):
    """Each line written by itself."""
    return [[line] for line in text.encode().splitlines()]


def chained():
    """An exception that was raised while another was handled, from a cause."""
    try:
        try:
            try:
                raise KeyError("a")  # noqa: TRY301  what is printed is what is wanted
            except KeyError as error:
                raise ValueError("b") from error
        except ValueError:
            raise OSError("c")  # noqa: B904  the context is what is wanted
    except OSError:
        return traceback.format_exc()


SYNTAX = 'Traceback (most recent call last):\n  File "x.py", line 1\n    def (\n        ^\nSyntaxError: invalid syntax'
THREAD = f"Exception in thread Thread-1:\n{SYNTAX}"
FATAL = (
    'Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n  File "x.py", line 1 in f'
)


@pytest.mark.parametrize("text", [chained(), SYNTAX, THREAD, FATAL], ids=["chained", "syntax", "thread", "fatal"])
def test_a_traceback_is_one_block(text):
    """A traceback is one block, in whatever pieces it is written, and the lines around it are their own."""
    whole = Block(text.rstrip("\n").encode(), "error")
    for writes in (one_by_one(text), [text.encode().splitlines()]):
        assert fed([b"before"], *writes, [b"after"]) == [Block(b"before"), whole, Block(b"after")]
        assert fed(*writes) == [whole]


def test_a_group_of_exceptions_is_one_block():
    """An exception group, with its frames of bars and plus signs, is one block."""
    text = "".join(traceback.format_exception(ExceptionGroup("several", [ValueError("a"), KeyError("b")])))
    grouped = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "x.py", line 3, in <module>\n'
        '  |     raise ExceptionGroup("several", [])\n'
        "  | ExceptionGroup: several (2 sub-exceptions)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | ValueError: a\n"
        "    +------------------------------------"
    )
    assert [block.text for block in fed(*one_by_one(grouped))] == [grouped.encode()]
    assert "several" in text


def test_the_lines_of_a_message_with_an_exception_belong_to_it():
    """The lines of a message that is written with its exception belong to it; what is written later does not."""
    lines = [b"Traceback (most recent call last):", b'  File "x.py", line 1', b"ValueError: one", b"two", b"three"]
    assert fed(lines, [b"later"]) == [Block(b"\n".join(lines), "error"), Block(b"later")]


def test_a_warning_with_its_source_is_one_block():
    """A warning and the line of source below it are one event; similar lines that are not a warning are not."""
    warning = [b"x.py:3: UserWarning: careful", b"  warn()"]
    assert fed(warning) == [Block(b"\n".join(warning), "warning")]
    assert fed([b"x.py:3: error", b"  why"]) == [Block(b"x.py:3: error"), Block(b"  why")]


def test_a_block_is_bounded():
    """A traceback without an end is let out, and what follows goes on being lines."""
    endless = [[b"Traceback (most recent call last):"], *[[b"  frame"]] * (MAX_LINES + 10)]
    blocks = fed(*endless)
    assert len(blocks[0].text.split(b"\n")) == MAX_LINES
    assert len(blocks) == 11 + 1


LINES = st.sampled_from(
    [*SYNTAX.encode().splitlines(), b"", b"text", b"x.py:1: UserWarning: w", b"  w()", FATAL.encode()[:38]]
)


@given(st.lists(st.lists(LINES, max_size=4), max_size=12))
def test_no_line_is_lost(writes):
    """The blocks have every line of any output once, in order."""
    assert b"\n".join(block.text for block in fed(*writes)) == b"\n".join(line for lines in writes for line in lines)


def test_a_traceback_after_a_loggers_words_is_one_block():
    """A traceback whose heading follows a logger's words, as Falcon's, is one block with them."""
    lines = [
        b"2026-11-28 [FALCON] [ERROR] GET / => Traceback (most recent call last):",
        b'  File "a.py", line 1, in a',
        b"    a()",
        b"KeyError: 1",
    ]
    assert not stands_alone(lines[0])
    blocks = Blocks()
    assert [block for line in lines for block in blocks.feed([line])] == []
    (block,) = blocks.settle()
    assert (block.text, block.level) == (b"\n".join(lines), "error")
