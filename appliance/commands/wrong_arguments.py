"""The grammar of the command line, and what to write instead of arguments that it refuses.

Runs in the process of every command; the errors only in one with a wrong command line.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.config.table import TABLE
from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# As runserver and gunicorn take it: 8000, 0.0.0.0:8000.
_ADDRESS = re.compile(r"(?:([\w.-]*):)?(\d{2,5})\Z")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\S*\Z")


class Parser(argparse.ArgumentParser):
    """A parser that raises its errors instead of exiting.

    Attributes:
        commands: the parser of each command, by its name.
    """

    commands: Mapping[str, Parser]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.exit_on_error = False  # so that argparse raises its ArgumentError, which names the argument

    def error(self, message: str) -> None:  # type: ignore[override]  # argparse would exit; main prints this error
        """Raise an error in the place of the text that argparse would print."""
        raise SettingsError(
            f"the command line is not valid: {message}",
            expected="a command and its flags, as `appliance --help` lists them",
            action=f"See {self.prog} --help.",
        )

    def flags(self) -> list[str]:
        """Return the flags that this command takes."""
        return [flag for action in self._actions for flag in action.option_strings]

    def choosing(self, word: str) -> str:
        """Return the flag that chooses among words of which this is one; empty if there is none."""
        found = (each for each in self._actions if each.option_strings and each.choices and word in each.choices)
        return next((action.option_strings[0] for action in found), "")

    def wanted(self, name: str) -> str:
        """Return a description of the values of the argument with this name."""
        for setting in TABLE:
            if setting.flag == name:
                return f"{name} and its value, {setting.value_type.allowed}"
        for action in self._actions:
            if name in {*action.option_strings, action.metavar}:
                return f"{' '.join([*action.option_strings[:1], str(action.metavar)])}: {action.help}"
        return "a command and its flags, as `appliance --help` lists them"


def wrong_value(error: argparse.ArgumentError, parser: Parser) -> SettingsError:
    """Return the error for an argument without a value, or with one of the wrong kind."""
    return SettingsError(
        f"the command line is not valid: {error}",
        expected=parser.wanted(error.argument_name or ""),
        action=f"See {parser.prog} --help.",
    )


def unknown_command(argv: Sequence[str], parser: Parser) -> SettingsError:
    """Return the error for a first word that is not a command."""
    word, command = argv[0], parser.prog
    instead = _as_value(word, parser)
    if instead is None and (near := _near(word, [*parser.commands, *parser.flags()])):
        instead = f"{command} {near}"
    if instead is not None:
        action = f"Write: {instead}"
    else:
        program = shlex.join(["python", *argv] if word.endswith(".py") else argv)
        action = f"To run a program in the project's environment, write: {command} run {program}"
    return SettingsError(
        f"the appliance has no command {word!r}", expected=f"one of {', '.join(parser.commands)}", action=action
    )


def unknown_arguments(words: Sequence[str], parser: Parser) -> SettingsError:
    """Return the error for words that the command does not take."""
    word, command = words[0], parser.prog
    if word.startswith("-"):
        flag = word.partition("=")[0]
        near = _near(flag, parser.flags())
        return SettingsError(
            f"`{command}` has no flag {flag}",
            expected=near or f"one of the flags that `{command} --help` lists",
            action=f"Write {near} instead of {flag}." if near else f"See {command} --help.",
        )
    instead = _as_value(word, parser)
    return SettingsError(
        f"`{command}` does not take the word {word!r}",
        expected="the project's folder after --project, and every other value after its flag",
        action=f"Write: {instead}" if instead else f"Remove it, or see {command} --help.",
    )


def _as_value(word: str, parser: Parser) -> str | None:
    """Return the command with this word after the flag whose value it may be; None if it is like no value."""
    path = Path(word)
    address = _ADDRESS.match(word) if parser.prog in {"appliance", "appliance serve"} else None
    chosen = parser.choosing(word)
    if chosen:
        flags = [chosen, word]
    elif path.is_dir():
        flags = ["--project", word]
    elif address is not None:
        flags = ["--host", address[1], "--port", address[2]] if address[1] else ["--port", address[2]]
    elif (path.suffix == ".py" and path.name != "manage.py" and path.is_file()) or _TARGET.match(word):
        flags = ["--app", word]
    elif "/" in word:  # a folder that does not exist, or a file of another kind: the command says so itself
        flags = ["--project", word]
    else:
        return None
    return shlex.join([*parser.prog.split(), *flags])


def _near(word: str, known: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(word, known, n=1)), "")
