"""``python -m tools.packages``: write docs/packages.md and docs/modules.md, the lists of packages and of modules."""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "packages.md"
MODULES = ROOT / "docs" / "modules.md"
WIDTH = 118
_SENTENCE_END = re.compile(r"(?<=\.) ")
_RUNS = re.compile(r"\b[Rr]uns? (?:in|wherever)\b|is a process of its own")
OPENING = """# The packages

<!-- Made by `python -m tools.packages`; a test compares it with the packages. -->

Each package of `appliance/` has one purpose and at most fifteen modules. A package at the top imports only packages at
the top that come after it: the order is that of the layers that import-linter checks. Within a package, its own
packages are in alphabetical order. [The newcomer's walk](newcomers-walk.md) finds its way with this list alone;
[the modules](modules.md) have a sentence each on a page of their own.

[Optional packages](#what-is-optional) are marked. The packages that a contract in `pyproject.toml` names as the core
import them only where it says so; the commands, and the modules that start a process and connect its parts, import them
too. A package's main module may have the package's name. [The size](#the-size) of the parts is at the end.

"""
MODULES_OPENING = """# The modules

<!-- Made by `python -m tools.packages`; a test compares it with the modules. -->

Each module of `appliance/`, with the first sentence of its docstring. [The packages](packages.md) are the shorter list.
"""
OPTIONAL = {  # in the order of the contract in pyproject.toml
    "commands/backing_services": "`appliance init` finds a database or another service among the dependencies",
    "commands/production": "`appliance deploy` or `appliance eject` is run",
    "commands/recorded": "`appliance requests` or `appliance mcp` is run",
    "supervisor/answering": "a page, a command or an assistant asks; `APPLIANCE_PAGES=off` leaves the commands",
    "supervisor/companions": "the project declares other processes; `APPLIANCE_COMPANIONS`",
    "supervisor/debugger": "`APPLIANCE_DEBUGPY` is set",
    "supervisor/log_consumers": "requests are recorded or exported: `desk`, `telemetry`",
    "supervisor/probing": "as `probes`",
    "supervisor/remedy_runs": "as `remedies`",
    "supervisor/snapshots": "`APPLIANCE_SWAP` is `on` or `auto`",
    "supervisor/terminal": "the appliance has a terminal",
    "supervisor/watched_run": "`appliance run --watch` is run",
    "remedies": "a failure has a remedy; `APPLIANCE_PAGES=off` offers none",
    "probes": "`APPLIANCE_PROBE_PORT` is set",
    "telemetry": "a variable of OpenTelemetry names an endpoint",
    "assistants": "`APPLIANCE_MCP` is not `off`",
    "desk": "`APPLIANCE_RECORD` and `APPLIANCE_PAGES` are not `off`",
    "standin/desk_pages": "as `desk`",
    "standin/programs": "`APPLIANCE_PAGES` is not `off`",
    "standin/replay_pages": "as `desk`",
    "worker/asgi": "the application is an ASGI application; `APPLIANCE_ASGI`",
    "worker/instrumentation": "requests are recorded or exported: `desk`, `telemetry`",
    "worker/snapshot": "`APPLIANCE_SWAP` is `on` or `auto`",
}
# Folders without Python, each with what its files are for.
FOLDERS = {
    "standin/static": "Scripts and style sheets of the appliance's own pages. `standin/own_pages` answers with them.",
    "templates": "Files that commands write into a project.",
    "templates/deploy": "What `appliance deploy` writes (`commands/production/deploy_files`).",
    "templates/deploy/compose": "A preview by Compose.",
    "templates/deploy/image": "The image of a preview.",
    "templates/deploy/kubernetes": "A preview in Kubernetes, and tools that deploy it on each change.",
    "templates/deploy/kubernetes/base": "The objects of the application, and its volume.",
    "templates/deploy/kubernetes/preview": "The Ingress of a preview, over the base.",
    "templates/deploy/swarm": "A preview in Swarm.",
    "templates/devcontainer": "What `appliance init` writes into `.devcontainer` (`commands/init`).",
    "templates/vscode": "What `appliance init` writes into `.vscode`.",
}
ROWS = """
## What is optional

The rest is the core: it finds, installs, serves and reloads a project.

| package | is used if |
|---|---|
"""

SIZE = """
## The size

| part | lines of Python, in thousands |
|---|---|
{rows}
With `APPLIANCE_SWAP=off`, `APPLIANCE_PAGES=off` and `APPLIANCE_RECORD=off`, four processes are left: the supervisor,
the preloader, the worker, and the spare that waits for the next save. The installer runs only while it installs,
and the stand-in while no worker serves. [Every other process](../ARCHITECTURE.md#the-processes) runs only if a setting
names it or the project declares it.
"""


def order() -> list[str]:
    """Return the packages, each above those that it imports: in the order of the layers that import-linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    found: dict[str, None] = {}
    for layers in (contract["layers"] for contract in contracts[:2]):  # our side, the project's side
        for name in (name.strip().removeprefix("appliance.") for layer in layers for name in layer.split("|")):
            found.pop(name, None)  # what both sides import stands below both
            if (ROOT / "appliance" / name / "__init__.py").exists():
                found[name] = None
    return list(found)


def tree() -> str:
    """Return the modules at the top, then the packages with their modules, as an indented list."""
    lines = ["```"]
    files = sorted((ROOT / "appliance").glob("[!_]*.py"))
    lines += [file.name.ljust(22) + _first_line(file) for file in files]
    for name in order():
        lines += _lines(ROOT / "appliance" / name, 0)
    lines += _folder_lines("templates", 0)
    return "\n".join([*lines, "```"]) + "\n"


def page() -> str:
    """Return the page with the current tree."""
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in OPTIONAL.items())
    return OPENING + tree() + ROWS + rows + SIZE.format(rows=sizes())


def modules() -> str:
    """Return the page of all modules: a table for each package."""
    root = ROOT / "appliance"
    folders = [root, *(each for name in order() for each in _below(root / name))]
    return MODULES_OPENING + "".join(map(_module_table, folders))


def _below(package: Path) -> list[Path]:
    """Return the package and those within it, in the order of the list of packages."""
    return [package, *(each for folder in _packages_in(package) for each in _below(folder))]


def _packages_in(package: Path) -> list[Path]:
    return sorted(file.parent for file in package.glob("*/__init__.py"))


def _module_table(package: Path) -> str:
    rows = "".join(
        f"| `{file.stem}` | {_first_line(file).replace('``', '`').replace('|', chr(92) + '|')} |\n"
        for file in sorted(package.glob("*.py"))
        if file.stem != "__init__"
    )
    return f"\n## {package.relative_to(ROOT)}\n\n| module | what it is for |\n|---|---|\n{rows}" if rows else ""


def sizes() -> str:
    """Return the rows of the core and of what is optional; rounded, so that few changes of the code change the page."""
    lines = {
        str(path.relative_to(ROOT / "appliance")): path.read_bytes().count(b"\n")
        for path in (ROOT / "appliance").rglob("*.py")
    }
    optional = tuple(f"{name}/" for name in OPTIONAL)
    core = {name: count for name, count in lines.items() if not name.startswith(optional)}
    found = {"the core": sum(core.values())}
    parts = Counter[str]()
    for name, count in core.items():
        package, folder, _ = name.partition("/")
        parts[f"the core's part of `{package}`" if folder else "modules at the top"] += count
    found.update(sorted(parts.items(), key=lambda part: (-round(part[1] / 1000), part[0])))
    found["what is optional"] = sum(lines.values()) - found["the core"]
    return "".join(f"| {part} | {round(count / 1000)} |\n" for part, count in found.items())


def _lines(package: Path, depth: int) -> list[str]:
    modules = sorted(file.stem for file in package.glob("*.py") if file.stem != "__init__")
    mark = "(optional) " if str(package.relative_to(ROOT / "appliance")) in OPTIONAL else ""
    lines = [f"{'  ' * depth}{package.name}/".ljust(22) + mark + _first_line(package / "__init__.py")]
    indent = "  " * depth + "    "
    lines += textwrap.wrap(
        _processes(package / "__init__.py"), WIDTH, initial_indent=" " * 22, subsequent_indent=" " * 22
    )
    lines += textwrap.wrap(", ".join(modules), WIDTH, initial_indent=indent, subsequent_indent=indent)
    for folder in _packages_in(package):
        lines += _lines(folder, depth + 1)
    for name in FOLDERS:
        if (ROOT / "appliance" / name).parent == package:
            lines += _folder_lines(name, depth + 1)
    return lines


def _folder_lines(name: str, depth: int) -> list[str]:
    """Return the lines of a folder without Python, and of those below it."""
    folder = ROOT / "appliance" / name
    lines = [f"{'  ' * depth}{folder.name}/".ljust(22) + FOLDERS[name].replace("`", "``")]
    indent = "  " * depth + "    "
    files = ", ".join(sorted(each.name for each in folder.iterdir() if each.is_file()))
    lines += textwrap.wrap(files, WIDTH, initial_indent=indent, subsequent_indent=indent)
    for each in FOLDERS:
        if (ROOT / "appliance" / each).parent == folder:
            lines += _folder_lines(each, depth + 1)
    return lines


def _first_line(file: Path) -> str:
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _processes(file: Path) -> str:
    """Return the sentences below the first line that say in which processes the package runs."""
    rest = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[2]
    return " ".join(each for each in _SENTENCE_END.split(" ".join(rest.split())) if _RUNS.search(each))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    MODULES.write_text(modules(), encoding="utf-8")
