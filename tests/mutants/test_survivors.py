"""Each mutant that ``survivors.toml`` explains is a change of a line that the code still has."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.parsed_files import parsed
from tools.mutants import EXPLAINED, ROOT

TEXT = EXPLAINED.read_text(encoding="utf-8")
ENTRIES = [(module, entry) for module, group in tomllib.loads(TEXT).items() for entry in group]
MODULE_OF_THE_TABLE = re.compile(r"^# ([\w/*]+\.py)", re.MULTILINE)


@cache
def functions(module: str) -> dict[str, str]:
    """The functions and methods of a module: the lines of each, without their indentation."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    return dict(functions_of(parsed(path), path.read_text(encoding="utf-8").splitlines())) if path.is_file() else {}


def functions_of(tree: ast.Module | ast.ClassDef, lines: list[str], within: str = "") -> Iterator[tuple[str, str]]:
    """As above, one by one."""
    for each in tree.body:
        if isinstance(each, ast.FunctionDef):
            yield within + each.name, "\n".join(line.strip() for line in lines[each.lineno - 1 : each.end_lineno])
        elif isinstance(each, ast.ClassDef):
            yield from functions_of(each, lines, f"{each.name}.")


def test_an_explained_mutant_changes_a_line_that_is_there():
    """The function of each entry has its line; several lines of the code stand in an entry as one."""
    stale = []
    for module, entry in ENTRIES:
        line = re.escape(entry["before"]).replace(r"\ ", "[ \n]")
        if not re.search(f"^{line}$", functions(module).get(entry["function"], ""), re.MULTILINE):
            stale.append((module, entry["function"], entry["before"]))
    assert stale == []


def test_the_table_of_the_runs_names_modules_that_are_there():
    """Each path in the table of what was run last is that of a module, or of several."""
    named = set(MODULE_OF_THE_TABLE.findall(TEXT))
    appliance = Path(ROOT, "appliance")
    assert {path for path in named if not list(appliance.glob(path))} == set()
    assert named
