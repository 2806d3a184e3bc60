"""The command lines of companions: where the program takes the place of the shell, and where it does not."""

from __future__ import annotations

import subprocess

import pytest

from appliance.supervisor.companions.shell_commands import with_exec


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("celery -A shop worker", "exec celery -A shop worker"),
        ("cd backend && celery -A shop worker", "cd backend && exec celery -A shop worker"),
        ("cd a && . ./vars && python x.py", "cd a && . ./vars && exec python x.py"),
        ("NODE_ENV=development A=1 npx esbuild --watch", "NODE_ENV=development A=1 exec npx esbuild --watch"),
        ("python $SCRIPT '*.py'", "exec python $SCRIPT '*.py'"),
        ("./bin/run", "exec ./bin/run"),
    ],
)
def test_a_program_takes_the_shells_place(command: str, expected: str):
    """The last program of a line that is programs alone is executed in the place of the shell."""
    assert with_exec(command) == expected


@pytest.mark.parametrize(
    "command",
    [
        "a | b", "a; b", "a & b", "a || b", "a > log", "(a)", "a `b`", "a $(b)", "a\nb", "cd a", "", "&&",
        "while true; do a; done", "exec a", "a 'x && y' b", "a && 'b", 'a && "b c" d', 'A="x y" b',
        "if a; then b; fi", "export A=1 && true",
    ],
)  # fmt: skip
def test_other_lines_stay_as_they_are(command: str):
    """A line that the shell must go on to read, or whose program is none, is not changed."""
    assert with_exec(command) == command


@pytest.mark.parametrize("command", ["printf %s one", "cd / && printf %s two", "A=three printenv A", "no-such-program"])
def test_the_shell_reads_both_lines_alike(command: str):
    """A line does the same with and without ``exec``."""
    made, own = (
        subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=False)
        for line in (with_exec(command), command)
    )
    assert (made.returncode, made.stdout) == (own.returncode, own.stdout)
