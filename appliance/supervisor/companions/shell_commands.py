"""Write the command line of a companion so that its program takes the place of the shell.

A shell that waits for the program does not pass signals on. At SIGTERM the shell ends, and the program is then ended
with the rest of its group, before it can finish its work. dash (0.5.12) waits for the last command of ``cd backend &&
celery ...``, and bash for the last one of a list.
"""

from __future__ import annotations

import re
import shlex

NO_PROGRAM = frozenset({126, 127})  # exit codes of a shell: the program can't be executed, or does not exist
# Words that a shell runs itself; ``exec`` would look for a program of that name.
_OF_THE_SHELL = frozenset(
    {
        "!", ".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif",
        "else", "esac", "eval", "exec", "exit", "export", "false", "fg", "fi", "for", "hash", "if", "jobs", "local",
        "read", "readonly", "return", "set", "shift", "source", "test", "then", "time", "times", "trap", "true",
        "type", "ulimit", "umask", "unset", "until", "wait", "while", "{", "}",
    }
)  # fmt: skip
# Assignments without quotes and expansions, then the word of the program.
_PROGRAM = re.compile(r"\s*(?:[A-Za-z_][A-Za-z0-9_]*=[\w.,:/@%+-]*\s+)*(?P<word>[\w./+-]+)(?=\s|\Z)")


def with_exec(command: str) -> str:
    """Return the command line with ``exec`` before its last program, if only ``&&`` joins the programs of the line."""
    if "\n" in command or "`" in command or "$(" in command:
        return command
    try:
        words = list(shlex.shlex(command, posix=False, punctuation_chars=True))
        before, joint, last = command.rpartition("&&")
        shlex.split(before), shlex.split(last)  # the joint is in no quotes
    except ValueError:  # a quote is not closed
        return command
    if any(word != "&&" and set(word) <= set("();<>|&") for word in words):
        return command
    program = _PROGRAM.match(last)
    if program is None or program["word"] in _OF_THE_SHELL:
        return command
    at = program.start("word")
    return f"{before}{joint}{last[:at]}exec {last[at:]}"
