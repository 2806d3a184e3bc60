"""A tool: its name and texts for an assistant, the schema of its arguments, and the function that it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.assistants.tool_call import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.assistants.tool_call import Call
    from appliance.assistants.tool_sources import Sources

    Run = Callable[[Sources, Call], dict[str, Any]]

_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
_HALF = re.compile("[\ud800-\udfff]")  # JSON can hold half a character, which no URL and no database can
_ONE = {"integer": "an integer", "boolean": "true or false"}


@dataclass(frozen=True)
class Parameter:
    """One argument of a tool.

    Attributes:
        name: as the assistant sends it.
        kind: its JSON type: string, integer or boolean.
        meaning: for the assistant.
        choices: the texts that are allowed; empty for every text.
        least, most: of an integer.
        required: the tool does nothing without it.
        longest: characters of a text.
    """

    name: str
    kind: str
    meaning: str
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    required: bool = False
    longest: int = 2_000

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        found: dict[str, Any] = {"type": self.kind, "description": self.meaning}
        if self.choices:
            found["enum"] = list(self.choices)
        limits = {"minimum": self.least, "maximum": self.most}
        return found | {name: value for name, value in limits.items() if value is not None}

    def checked(self, value: object) -> Any:
        """Return the value.

        Raises:
            ToolError: it is of another type, or beyond the limits.
        """
        is_bool_for_number = isinstance(value, bool) and self.kind != "boolean"
        if not isinstance(value, _TYPES[self.kind]) or is_bool_for_number:
            raise ToolError(f"{self.name} is {value!r:.100}.", action=f"Give {self._expected()}.")
        is_unfit = isinstance(value, str) and (len(value) > self.longest or _HALF.search(value) is not None)
        is_other = bool(self.choices) and value not in self.choices
        if is_unfit or is_other or (isinstance(value, int) and not self._holds(value)):
            raise ToolError(f"{self.name} is {value!r:.100}.", action=f"Give {self._expected()}.")
        return value

    def _holds(self, value: int) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def _expected(self) -> str:
        if self.choices:
            return " or ".join(self.choices)
        if self.kind == "string":
            return f"a text of at most {self.longest} characters, each of them whole"
        least = "" if self.least is None else f", at least {self.least}"
        return f"{_ONE[self.kind]}{least}" + ("" if self.most is None else f", at most {self.most}")


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: as the assistant calls it.
        title: for people.
        description: for the assistant: what it tells, and when to use it.
        run: returns the result as JSON values.
        parameters: its arguments.
        writes: it changes something, and needs ``APPLIANCE_MCP=write``.
        destructive: what it changes may not come back.
        waits: it may take longer than a moment.
    """

    name: str
    title: str
    description: str
    run: Run
    parameters: tuple[Parameter, ...] = ()
    writes: bool = False
    destructive: bool = False
    waits: bool = False

    def described(self) -> dict[str, Any]:
        """Return the tool as a list of tools shows it."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.parameters},
            "additionalProperties": False,
        }
        if required := [each.name for each in self.parameters if each.required]:
            schema["required"] = required
        hints: dict[str, Any] = {"title": self.title, "readOnlyHint": not self.writes, "openWorldHint": False}
        if self.writes:
            hints |= {"destructiveHint": self.destructive, "idempotentHint": False}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": schema,
            "annotations": hints,
        }

    def checked(self, arguments: object) -> dict[str, Any]:
        """Return the arguments.

        Raises:
            ToolError: one is unknown, missing, of another type, or beyond its limits.
        """
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, dict):
            raise ToolError("The arguments are not an object.", action="Give an object with the arguments by name.")
        known = {each.name: each for each in self.parameters}
        names = ", ".join(known) or "none"
        if unknown := [str(name)[:100] for name in arguments if name not in known]:
            raise ToolError(f"{self.name} has no argument {unknown[0]!r}.", action=f"Give some of these: {names}.")
        given = {name: known[name].checked(value) for name, value in arguments.items() if value is not None}
        for each in self.parameters:
            if each.required and each.name not in given:
                raise ToolError(f"{self.name} needs the argument {each.name}.", action=f"Give it: {each.meaning}")
        return given
