"""Allow a host in a Django project: in the settings if they hold a plain list, else in the variable they read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.remedies.file_edits import edit_to, line_break, read, text_of
from appliance.remedies.remedy import Proposal
from appliance.remedies.variable_edits import with_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.remedies.remedy import ProjectFacts

_FILES_MAX = 5
_SETTING = "ALLOWED_HOSTS"
_FROM_VARIABLE = re.compile(
    r"(?:environ\.get|environ|getenv|config|env(?:\.list)?)[(\[][ \t]*[\"']([A-Za-z_]\w{0,100})[\"']"
)
# After the last element: a comma, and a comment to the end of the line.
_REST_OF_LINE = re.compile(r"(,?)((?:[ \t]*#[^\r\n]*)?)")


def add_host(facts: ProjectFacts, host: str) -> Proposal | None:
    """Add the host to ``ALLOWED_HOSTS``."""
    for file in _settings_files(facts):
        text = text_of(read(facts.root, file))
        node = _assigned(text or "")
        if text is None or node is None:
            continue
        if isinstance(node, ast.List | ast.Tuple) and all(isinstance(each, ast.Constant) for each in node.elts):
            after = _with_host(text, node, host)
            edit = edit_to(facts.root, file, after) if after else None
            return Proposal(edit=edit, why=f"{file} lists the hosts that Django answers.") if edit else None
        return _in_variable(facts, file, ast.get_source_segment(text, node) or "", host)
    return None


def _in_variable(facts: ProjectFacts, file: str, expression: str, host: str) -> Proposal | None:
    found = _FROM_VARIABLE.search(expression)
    if found is None or not re.search(r"split|list|Csv|csv", expression):
        return None
    known = facts.values.get(found[1], "")
    separator = " " if re.search(r"split\(\s*(?:[\"'] [\"'])?\s*\)", expression) else ","
    hosts = [each for each in known.split(separator) if each.strip()]
    edit = with_variable(facts, found[1], separator.join([*hosts, host]))
    return Proposal(edit=edit, why=f"{file} reads the hosts from {found[1]}.") if edit else None


def _with_host(text: str, node: ast.List | ast.Tuple, host: str) -> str | None:
    """Return the source with one more element at the end of the list, in the form of the one before it."""
    lines = text.splitlines(keepends=True)
    encoded = [line.encode() for line in lines]

    def offset(line: int, column: int) -> int:
        return sum(map(len, encoded[: line - 1])) + column

    data = text.encode()
    quote = "'" if "'" in (ast.get_source_segment(text, node) or "") or not node.elts else '"'
    quote = '"' if not node.elts and text.count('"') > text.count("'") else quote
    item = f"{quote}{host}{quote}"
    if node.elts:
        last = node.elts[-1]
        place = offset(last.end_lineno or 0, last.end_col_offset or 0)
        new = f", {item}"
        if last.lineno != node.lineno:  # one element a line
            text_before = lines[last.lineno - 1]
            indent = text_before[: len(text_before) - len(text_before.lstrip())]
            comma, comment = _REST_OF_LINE.match(data[place:].decode()).groups()  # type: ignore[union-attr]  # it may be empty
            new = f",{comment}{line_break(text)}{indent}{item}"  # a comment stays with its element
            data = data[:place] + comma.encode() + data[place + len(f"{comma}{comment}".encode()) :]
    else:
        place = offset(node.lineno, node.col_offset) + 1
        new = item if isinstance(node, ast.List) else f"{item},"
    after = (data[:place] + new.encode() + data[place:]).decode()
    now = _assigned(after)
    known = [each.value for each in node.elts if isinstance(each, ast.Constant)]
    if not isinstance(now, ast.List | ast.Tuple):
        return None
    return after if [getattr(each, "value", None) for each in now.elts] == [*known, host] else None


def _assigned(text: str) -> ast.expr | None:
    """Return the value that the settings assign to the list of hosts, the last time at the top level."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: ast.expr | None = None
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and any(
            getattr(each, "id", "") == _SETTING for each in targets
        ):
            found = node.value
    return found


def _settings_files(facts: ProjectFacts) -> Iterator[str]:
    """Yield the file of the settings, and those that it imports everything from, relative to the project."""
    module = facts.variables.get("DJANGO_SETTINGS_MODULE", "")
    folders = [Path(each) for each in (facts.target.search_path if facts.target else ())] or [facts.root]
    waiting = [module] if re.fullmatch(r"[A-Za-z_][\w.]*", module) else []
    seen: list[str] = []
    while waiting and len(seen) < _FILES_MAX:
        module = waiting.pop(0)
        file = next((name for folder in folders if (name := _file_of(facts.root, folder, module))), "")
        if not file or file in seen:
            continue
        seen.append(file)
        yield file
        waiting += _stars(text_of(read(facts.root, file)) or "", module, is_package=file.endswith("__init__.py"))


def _file_of(root: Path, folder: Path, module: str) -> str:
    path = folder.joinpath(*module.split("."))
    for each in (path.with_suffix(".py"), path / "__init__.py"):
        if root in each.parents and each.is_file():
            return str(each.relative_to(root))
    return ""


def _stars(text: str, module: str, *, is_package: bool) -> list[str]:
    parents = module.split(".") if is_package else module.split(".")[:-1]
    found = re.findall(r"(?m)^from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+\*", text)
    names = []
    for dots, name in found:
        above = parents[: len(parents) - len(dots) + 1] if dots else []
        names.append(".".join([*above, *([name] if name else [])]))
    return names
