"""A remedy: one command, or one change of one file, and how a page shows it.

Runs in the supervisor. Nothing here starts a process or writes a file.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from appliance.masking import MASKED, SECRET
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.discovery.target import Target
    from appliance.environment.plan import Plan

FILE_MAX = 256 * 1024  # bytes of a file that is changed
CHANGE_MAX = 64 * 1024  # bytes of the change: it travels in a variable, and execve(2) takes 128 KiB of one
_CONTEXT = 2  # lines
_SHOWN_MAX = 16_384  # characters of a diff
_ASSIGNED = re.compile(r"(?P<name>[ \t]*#?[ \t]*(?:export[ \t]+)?[A-Za-z_]\w*[ \t]*=)(?P<value>.+)")
_CREDENTIALS = re.compile(r"(://)[^\s/@]{1,500}(@)")


class ProjectFacts(Record):
    """The facts about the project when a remedy is made.

    Attributes:
        root: the project's folder.
        values: its environment, with the .env files.
        variables: the environment of its processes.
        target: its application, if known.
        plan: its environment's plan, if known.
        env_file: the name of the file that variables are written to.
        cache: the appliance's cache folder.
        contained: this is a container.
    """

    root: Path
    values: Mapping[str, str]
    variables: Mapping[str, str]
    target: Target | None
    plan: Plan | None
    env_file: str
    cache: Path
    contained: bool


class Edit(Record):
    """A change of one file, relative to what it held when the change was shown.

    Attributes:
        file: relative to the project's folder.
        base: the file whose content is changed: the same, or an example; empty for a new file.
        before: the content of the base.
        after: the content that the file gets.
        variables: it is a file of variables, whose values are secrets.
        hidden: texts of the new content that no page may show.
    """

    file: str
    base: str
    before: bytes
    after: bytes
    variables: bool = False
    hidden: tuple[str, ...] = ()

    def job(self, root: Path) -> str:
        """Return the input of ``apply_edit``: the change from the base, and the digest of the base."""
        start = _common(self.before, self.after)
        rest = min(len(self.before), len(self.after)) - start
        end = _common(self.before[::-1][:rest], self.after[::-1][:rest])
        middle = self.after[start : len(self.after) - end]
        return json.dumps(
            {
                "root": str(root),
                "file": self.file,
                "base": self.base,
                "digest": hashlib.sha256(self.before).hexdigest(),
                "start": start,
                "end": len(self.before) - end,
                "middle": base64.b64encode(middle).decode(),
                "private": self.variables,
            }
        )

    def diff(self) -> str:
        """Return the unified diff, without secrets."""
        old = f"a/{self.base}" if self.base else "/dev/null"
        before, after = (data.decode("utf-8", "replace").splitlines() for data in (self.before, self.after))
        lines = difflib.unified_diff(before, after, old, f"b/{self.file}", n=_CONTEXT, lineterm="")
        if self.base not in {"", self.file}:  # a copy: all of it is new
            lines = iter([f"--- {old}", f"+++ b/{self.file}", *(f"+{line}" for line in after)])
        text = "\n".join(self._masked(line) for line in lines)
        for each in self.hidden:
            text = text.replace(each, MASKED)
        return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}\n... ({len(text)} characters)"

    def _masked(self, line: str) -> str:
        """Mask values in a line of a diff of variables: all of the context, and secrets in what changes."""
        found = _ASSIGNED.fullmatch(line[1:]) if self.variables and not line.startswith(("---", "+++")) else None
        if found is None:
            return line
        is_secret = SECRET.search(found["name"]) and "://" not in found["value"] and line[0] == "-"
        if line[0] == " " or is_secret:
            return f"{line[0]}{found['name']}{MASKED}"
        value = _CREDENTIALS.sub(rf"\1{MASKED}\2", found["value"])
        return f"{line[0]}{found['name']}{value}"


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two contents have in common at their start."""
    least = min(len(one), len(other))
    return next((index for index in range(least) if one[index] != other[index]), least)


class Proposal(Record):
    """The remedy for a need: one of command, edit, action and advice.

    Attributes:
        command: the program and its arguments.
        variables: the whole environment of the command; empty for that of the project's processes.
        shown: variables that the command needs in addition, and that are shown before it.
        edit: the change of a file.
        action: done by the appliance itself, in a thread; returns whether it was done.
        described: what the action amounts to, as commands.
        advice: a command that only the person can run.
        why: one sentence.
    """

    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = made_default(default_factory=dict)
    shown: Mapping[str, str] = made_default(default_factory=dict)
    edit: Edit | None = None
    action: Callable[[], bool] | None = None
    described: str = ""
    advice: str = ""
    why: str = ""


class Remedy(Record):
    """A remedy that a page can show, and that the supervisor can run.

    Attributes:
        id: names it to a browser.
        kind: its row in ``remedy_kinds``.
        label: what its button says.
        proposal: what it does.
    """

    id: str
    kind: str
    label: str
    proposal: Proposal

    @property
    def command_line(self) -> str:
        """The command as a person would type it."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.proposal.shown.items()]
        return " ".join([*words, shlex.join(self.proposal.command)]) if self.proposal.command else ""

    def page(self) -> dict[str, Any]:
        """Return the pages' view of the remedy, as JSON values."""
        made = self.proposal
        return {
            "id": self.id,
            "kind": self.kind,
            "label": self.label,
            "why": made.why,
            "command": self.command_line or made.advice or made.described,
            "diff": made.edit.diff() if made.edit else "",
            "runs": not made.advice,
        }
