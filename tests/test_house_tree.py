"""The house's rules for the tree: which package imports which, on which side each stands, and how large it is."""

import ast
import re
import tomllib
from collections import Counter
from functools import cache
from itertools import chain

import pytest

from appliance.config.table import TABLE
from tests.parsed_files import parsed
from tests.test_house import MODULES, PACKAGE, PROJECT_SIDE, ROOT, name
from tools import packages, sides


@pytest.fixture(scope="module")
def metadata():
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_of(module):
    """The package that a module stands in; the packages of the server count one by one."""
    parts = module.split(".")
    return ".".join(parts[1:3]) if parts[1] == "server" and len(parts) > 3 else parts[1]


def dotted(path):
    """The name by which a module of ours is imported."""
    return name(path).removesuffix(".py").replace("/", ".")


KNOWN = frozenset(map(dotted, MODULES))


@cache
def imports_of(path):
    """The modules of ours that a module imports, for its types too, but not what it runs as a program."""
    return frozenset(found_imports(path))


def found_imports(path):
    """As above, one by one."""
    own = dotted(path).split(".")
    body = [
        each for each in parsed(path).body if not (isinstance(each, ast.If) and "__main__" in ast.unparse(each.test))
    ]
    for node in chain.from_iterable(map(ast.walk, body)):
        if isinstance(node, ast.ImportFrom):
            start = own[: len(own) - node.level] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from (each if (each := f"{base}.{alias.name}") in KNOWN else base for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def cycles(below):
    """The names that need each other, from what each name needs."""
    while free := {name for name, needs in below.items() if not needs & below.keys()}:
        below = {name: needs for name, needs in below.items() if name not in free}
    return below


def test_packages_have_no_import_cycle():
    """Packages can be read one after another: none needs, for its types either, one that needs it."""
    below: dict[str, set[str]] = {}
    for path in MODULES:
        own = dotted(path)
        if own.count(".") < 2:
            continue
        needs = {package_of(each) for each in imports_of(path) if each.startswith("appliance.") and each.count(".") > 1}
        below.setdefault(package_of(own), set()).update(needs - {package_of(own)})
    assert not cycles(below)


def test_modules_have_no_import_cycle():
    """Modules, too, can be read one after another, imports for types and imports within functions counted."""
    below = {dotted(path): imports_of(path) - {dotted(path)} for path in MODULES}
    assert not cycles(below)


def test_each_module_belongs_to_one_side(metadata):
    """The contract that keeps the two sides apart names each package and module of the top level."""
    contracts = {each["name"]: each for each in metadata["tool"]["importlinter"]["contracts"]}
    apart = contracts["Neither side imports the other; both speak the protocol"]
    ours, theirs = (set(apart[key]) for key in ("source_modules", "forbidden_modules"))
    modules = {f"appliance.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    folders = {f"appliance.{path.parent.name}" for path in PACKAGE.glob("*/__init__.py")}
    assert (ours | theirs, ours & theirs) == (modules | folders, set())
    shared = {f"appliance.{each}" for each in (*sides.with_the_standin(), *sides.both())}
    knows_nothing = contracts["The project's side knows nothing of ours"]
    assert set(knows_nothing["forbidden_modules"]) == (ours - shared) | {"appliance.basehttp"}


def test_the_projects_side_is_checked_for_its_own_pythons(metadata):
    """Ruff's rules for Python 3.10 and mypy's run for it cover the project's side, and nothing else."""
    targets = metadata["tool"]["ruff"]["per-file-target-version"]
    modules = {f"appliance/{each}" for each in (*PROJECT_SIDE, "__init__.py")}
    assert {each.removesuffix("/**") for each, version in targets.items() if version == "py310"} == modules
    line = re.search(r"^PROJECT_SIDE = (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    assert set(line[1].split()) == modules


def test_what_is_optional_is_what_the_core_does_not_import(metadata):
    """docs/packages.md marks the packages that the contract of the core forbids, and names settings that are there."""
    contracts = {each["name"]: each for each in metadata["tool"]["importlinter"]["contracts"]}
    forbidden = contracts["The core imports nothing optional"]["forbidden_modules"]
    assert [each.removeprefix("appliance.").replace(".", "/") for each in forbidden] == list(packages.OPTIONAL)
    named = {each for text in packages.OPTIONAL.values() for each in re.findall(r"`APPLIANCE_([A-Z_]+)", text)}
    assert named <= {each.variable.removeprefix("APPLIANCE_") for each in TABLE}


def test_a_package_fits_in_a_head():
    """A package has at most fifteen modules, and no two modules of the tree share a name."""
    modules = [path for path in MODULES if path.name not in {"__init__.py", "__main__.py"}]
    crowded = Counter(path.parent for path in modules)
    assert [str(folder) for folder, count in crowded.items() if count > 15] == []
    assert [each for each, count in Counter(path.stem for path in modules).items() if count > 1] == []


def test_each_folder_without_python_is_listed():
    """docs/packages.md says what each folder of files that are not Python is for, and names its files."""
    below = [path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__"]
    bare = {str(path.relative_to(PACKAGE)) for path in below if not (path / "__init__.py").exists()}
    assert set(packages.FOLDERS) == bare


def test_each_package_says_where_it_runs():
    """A package's docstring says in which process or interpreter its modules run."""
    said = re.compile(r"(?:^|[.:;,] |\b[Tt]hey )[Rr]uns? (?:in|wherever)\b|Both sides|PID 1", re.MULTILINE)
    texts = {path: ast.get_docstring(parsed(path)) or "" for path in PACKAGE.rglob("*/__init__.py")}
    assert [str(path) for path, text in texts.items() if not said.search(text)] == []


def test_the_list_of_packages_is_that_of_the_tree():
    """The order of docs/packages.md names the packages that are there."""
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(packages.order())
