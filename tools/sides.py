"""``python -m tools.sides``: write the table of the two sides into ARCHITECTURE.md, from import-linter's contracts."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN = "<!-- Made by `python -m tools.sides` from the contracts in pyproject.toml; a test compares it. -->\n"
END = "<!-- The end of the table. -->"
_ABOVE = {"__main__", "healthcheck"}  # programs of their own: no package imports them
_PACKAGES = {"dotenv": "python-dotenv", "yaml": "PyYAML", "opentelemetry": "OpenTelemetry's SDK"}
_OF_ANOTHER = {"requests"}  # comes with OpenTelemetry's exporter


@cache
def _contracts() -> dict[str, dict[str, Any]]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return {each["name"]: each for each in tomllib.loads(text)["tool"]["importlinter"]["contracts"]}


def _contract(words: str) -> dict[str, Any]:
    return next(contract for name, contract in _contracts().items() if words in name)


def _layers() -> list[str]:
    """Return the project's side and its imports, each package above those that it imports."""
    layers = _contract("worker, then server")["layers"]
    return [name.strip().removeprefix("appliance.") for layer in layers for name in layer.split("|")]


def with_the_standin() -> list[str]:
    """Return the packages that our side and the stand-in import, and the project's process does not."""
    layers = _layers()
    return sorted(layers[1 : layers.index("worker")])


def both() -> list[str]:
    """Return the packages that both sides import."""
    layers = _layers()
    return sorted(layers[layers.index("server") + 1 :])


def ours() -> list[str]:
    """Return the packages that only our side imports."""
    apart = _contract("Neither side")["source_modules"]
    names = {name.removeprefix("appliance.") for name in apart}
    return sorted(names - {*with_the_standin(), *both()} - _ABOVE)


def table() -> str:
    """Return the table: each side, its packages, what they import from elsewhere, and where they run."""
    rows = [
        ("side", "packages", "imports", "runs in"),
        ("---",) * 4,
        ("ours", _names(ours()), _imports(ours()), "the appliance's environment, Python 3.11 or newer"),
        ("the stand-in's", "`standin`", _standins_imports(), "the same environment"),
        (
            "ours and the stand-in's", _names(with_the_standin()), _imports(with_the_standin()),
            "the same environment",
        ),
        (
            "the project's", "`worker`, `server`", _imports(["worker", "server"]),
            "the project's environment, Python 3.10 to 3.15",
        ),
        ("both", _names(both()), _imports(both()), "both environments"),
    ]  # fmt: skip
    return "".join(f"| {' | '.join(row)} |\n" for row in rows).replace("| --- | --- | --- | --- |", "|---|---|---|---|")


def _standins_imports() -> str:
    """Return which packages of ours and the project's the stand-in imports."""
    found = re.compile(r"^\s*from appliance\.(\w+)", re.MULTILINE)
    files = (ROOT / "appliance" / "standin").rglob("*.py")
    names = {name for path in files for name in found.findall(path.read_text(encoding="utf-8"))}
    return _names(sorted(names - {"standin"}))


def page() -> str:
    """Return ARCHITECTURE.md with the current table."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + begin + "\n" + table() + "\n" + END + rest.partition(END)[2]


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _imports(names: list[str]) -> str:
    """Return the libraries that these import, with the package that imports one alone."""
    users: dict[str, set[str]] = {}
    for name in names:
        folder, file = ROOT / "appliance" / name, ROOT / "appliance" / f"{name}.py"
        for path in [file] if file.exists() else folder.rglob("*.py"):
            for library in _imported(path):
                users.setdefault(library, set()).add(name)
    found = [
        _PACKAGES.get(library, library) + (f" (`{min(of)}`)" if len(of) == 1 else "")
        for library, of in sorted(users.items())
    ]
    return ", ".join(found) or "the standard library alone"


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = (alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names)
    of = (node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level)
    libraries = {name.partition(".")[0] for name in chain(plain, of)}
    return libraries - sys.stdlib_module_names - {"appliance"} - _OF_ANOTHER


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
