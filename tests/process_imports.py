"""Which modules of ours each process imports, found by reading the imports: at its start, and at any time.

A module that is imported within a function, or for its types, is not imported at the start of a process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.parsed_files import parsed

ROOT = Path(__file__).parents[1]
# The modules that each command runs first. ``config`` is a function of the module that ``check`` is in.
COMMANDS = {
    "check": ("commands.explain",),
    "check --reload": ("commands.reload_costs",),
    "deploy": ("commands.production.deploy",),
    "doctor": ("commands.diagnosis.doctor",),
    "eject": ("commands.production.eject",),
    "init": ("commands.init",),
    "install": ("commands.install",),
    "mcp": ("commands.recorded.mcp_command",),
    "pip": ("commands.pip",),
    "requests": ("commands.recorded.list_requests",),
    "run": ("commands.run_command",),
    "run --watch": ("commands.run_command", "supervisor.watched_run.watched_command"),
    "status": ("commands.show_status",),
}
# The modules that each process runs first, and those that it imports later because it always needs them.
ENTRIES = {
    "supervisor": ("commands.serve", "supervisor.supervisor"),
    "worker": ("worker.entry", "worker.roles", "worker.preload.preloader", "worker.snapshot.snapshot"),
    "stand-in": ("standin.__main__",),
    "recorder": ("desk.__main__",),
    "exporter": ("telemetry.__main__", "telemetry.exporter"),
    "probe server": ("probes.__main__",),
    "remedy": ("remedies.apply_edit",),
    "guard": ("supervisor.companions.companion_guard",),
    "library": ("basehttp",),
    **{f"appliance {name}": modules for name, modules in COMMANDS.items()},
}


def dotted(path: Path) -> str:
    """The name of a module below the package: ``server.http.head``; of a package, the package's."""
    return ".".join(path.relative_to(ROOT / "appliance").with_suffix("").parts).removesuffix(".__init__")


FILES = {dotted(path): path for path in sorted((ROOT / "appliance").rglob("*.py"))}


def _statements(nodes: list[ast.stmt], *, later: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run: at once, or ``later`` too, within functions; none for types, none of a program."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _statements(node.orelse, later=later)
        elif isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            continue
        elif later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = ("body", "orelse", "finalbody", "handlers", "cases")
            yield from _statements([each for part in parts for each in getattr(node, part, [])], later=later)


@cache
def imports(module: str, *, later: bool) -> frozenset[str]:
    """The modules of ours that a module imports: at once, or ``later`` too."""
    path, found = FILES[module], set()
    own = ["appliance", *module.split(".")]
    folder = own if path.name == "__init__.py" else own[:-1]
    for node in _statements(parsed(path).body, later=later):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        else:
            start = folder[: len(folder) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found |= {f"{base}.{each.name}" for each in node.names} | {base}
    ours = {each.removeprefix("appliance.") for each in found if each.startswith("appliance.")}
    return frozenset(each for each in ours & FILES.keys() if FILES[each].name != "__init__.py")


@cache
def imported(process: str, *, later: bool) -> frozenset[str]:
    """The modules of ours that a process imports: at its start, or ``later`` too."""
    seen: set[str] = set()
    waiting = list(ENTRIES[process])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports(module, later=later)
    return frozenset(seen)
