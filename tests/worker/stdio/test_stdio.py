"""Python's output in a worker: tagged, whole, in order, and nothing of it lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.logs.project_output.output_events import Part
from tests.worker.tagged_program import tagged_output, texts


def test_the_streams_stay_the_same_objects():
    """Output through an older reference to sys.stdout is read; the streams know their descriptor, and are not a tty."""
    said = tagged_output("""
print("through the old one", file=earlier)
print(sys.stdout is earlier is sys.__stdout__, sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.isatty())
sys.stdout.reconfigure(line_buffering=True)
sys.stdout.buffer.write(b"bytes \\xff\\n")
""")
    assert [each.text for each in said] == [b"through the old one", b"True 1 2 False", b"bytes \xff"]
    assert not any(each.raw for each in said)


def test_each_context_has_its_own_line():
    """Output of two requests and of none at one time is three lines, each with its id."""
    said = tagged_output("""
import contextvars
one, two = contextvars.copy_context(), contextvars.copy_context()
one.run(begin, "one"); two.run(begin, "two")
print("nobody's ", end="")
one.run(print, "one's ", end="")
two.run(print, "two's ", end="")
one.run(print, "end")
two.run(print, "end")
print("end")
""")
    assert [(each.text.decode(), each.request_id) for each in said] == [
        ("one's end", "one"),
        ("two's end", "two"),
        ("nobody's end", None),
    ]


def test_an_unfinished_line_comes_out_with_its_request():
    """A line that a request has begun comes out when it ends, marked as unfinished; also a flushed one."""
    said = tagged_output("""
begin("one")
print("begun", end="", flush=True)
print(" and kept", end="")
stdio.request_ended("one")
print("another line")
""")
    assert texts(said) == ["begun and kept", "another line"]
    assert isinstance(said[0].text, Part)
    assert said[0].text.more


def test_output_follows_a_descriptor_that_is_redirected(tmp_path: Path):
    """If the project redirects descriptor 1 to a file, its output goes there until the descriptor is restored."""
    said = tagged_output(
        """
import os
kept = os.dup(1)
with open("file", "w") as file:
    os.dup2(file.fileno(), 1)
    print("to the file")
os.dup2(kept, 1)
print("to the log")
""",
        folder=tmp_path,
    )
    assert texts(said) == ["to the log"]
    assert (tmp_path / "file").read_text() == "to the file\n"


def test_a_closed_descriptor_is_opened_again_by_the_next_print():
    """Descriptor 1 closed is opened again by the next print; a connection that has taken its number is left alone."""
    said = tagged_output("""
import os, socket
os.close(1)
print("after the close")
os.write(1, b"raw\\n")
os.close(1)
taken, other = socket.socketpair()
print(taken.fileno(), "is a socket's")
other.setblocking(False)
try:
    print(other.recv(100))
except BlockingIOError:
    print("and nothing was sent there")
""")
    assert texts(said) == ["after the close", "raw", "1 is a socket's", "and nothing was sent there"]


def test_a_full_pipe_that_does_not_block_is_waited_for():
    """If the pipe was made non-blocking, a full one is waited for."""
    said = tagged_output("""
import os
os.set_blocking(1, False)
for number in range(3000):
    print(number, "x" * 500)
""")
    assert [text.split()[0] for text in texts(said)] == [str(number) for number in range(3000)]


def test_a_fork_speaks_for_itself():
    """A forked process is heard under its own number, with the request in which it was forked."""
    said = tagged_output("""
import os
begin("one")
pid = os.fork()
if not pid:
    print("child")
    os._exit(0)
os.waitpid(pid, 0)
print(pid)
""")
    child, parent = said
    assert (child.text, child.pid, child.request_id) == (b"child", int(parent.text), "one")


@pytest.mark.parametrize("ending", ["raise SystemExit(3)", "1 / 0", "import os; os.abort()", "import os; os._exit(1)"])
def test_printed_text_is_out_however_the_process_ends(ending: str):
    """Text printed before a process ends is out, however it ends."""
    said = tagged_output(f'print("printed")\n{ending}')
    assert texts(said)[0] == "printed"


def test_without_a_mark_nothing_is_changed():
    """A process that was given no mark prints as usual."""
    program = 'from appliance.worker.stdio.stdio import tag_output\nprint(tag_output("", Hooks()))'
    assert texts(tagged_output(program)) == ["None"]
