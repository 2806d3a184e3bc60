"""Docstrings: the names in their sections are those of the code."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from tests.parsed_files import nodes, parsed
from tests.test_plain_english import prose

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for path in (ROOT / "appliance").rglob("*.py") if path.stem not in {"__init__", "__main__"})
PATHS = {str(path.relative_to(ROOT / "appliance").with_suffix("")) for path in (ROOT / "appliance").rglob("*.py")}
PATHS |= {path.removesuffix("/__init__") for path in PATHS}
# The names before the colon of an entry: "wire, descriptor: the connection, and its socket's".
_ENTRY = re.compile(r"^ {4}(\w[\w, ]*): ", re.MULTILINE)


def name(path):
    """A path as this repository's."""
    return str(path.relative_to(ROOT))


def section(docstring, title):
    """The names that a section of a docstring has entries for; nested lines of an entry are further in."""
    text = f"\n{inspect.cleandoc(docstring)}\n"
    if title not in text:
        return set()
    found = re.search(rf"\n{title}:\n((?: {{4}}.*\n|\n(?= {{4}}))+)", text)
    entries = _ENTRY.findall(found[1]) if found else []
    return {each.strip() for entry in entries for each in entry.split(",")}


def own_attributes(node):
    """The attributes of a class, as far as its own source has them."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self":
            yield each.attr
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id
        elif isinstance(each, ast.Assign):
            yield from (target.id for target in ast.walk(each) if isinstance(target, ast.Name))


def attributes(kind):
    """The attributes of a class and of its bases."""
    found = set(dir(kind))
    for each in inspect.getmro(kind):
        if each.__module__.startswith("appliance."):
            found.update(own_attributes(ast.parse(inspect.cleandoc(f"\n{inspect.getsource(each)}")).body[0]))
    return found


def parameters(node):
    """The parameters of a function, or of a class's constructor; the fields of a dataclass."""
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        fields = {ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)}
        return parameters(made[0]) if made else fields
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {each.arg for each in every if each is not None}


def missing_attributes(path):
    """The names under "Attributes:" of a module's classes that are missing in the class, by class."""
    documented = {
        each.name: section(ast.get_docstring(each) or "", "Attributes")
        for each in parsed(path).body
        if isinstance(each, ast.ClassDef)
    }
    if not any(documented.values()):
        return {}
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    missing = {kind: names - attributes(getattr(module, kind)) for kind, names in documented.items() if names}
    return {kind: names for kind, names in missing.items() if names}


def test_documented_attributes_exist():
    """Each name under "Attributes:" is an attribute of the class or of one of its bases."""
    assert {name(path): missing for path in MODULES if (missing := missing_attributes(path))} == {}


def test_documented_arguments_exist():
    """Each name under "Args:" is a parameter of the function, or of the class's constructor."""
    missing = {
        f"{name(path)}: {node.name}": unknown
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (unknown := section(ast.get_docstring(node) or "", "Args") - parameters(node))
    }
    assert missing == {}


def named_modules(text):
    """The modules that a text names, by a dotted name or by a path: their paths below the package, without ending."""
    for dotted in re.findall(r"(?<![\w/.])appliance((?:\.\w+)+)", text):
        if dotted.split(".")[1] in PATHS:  # else an event, or a key of the environ
            yield dotted[1:].replace(".", "/")
    yield from re.findall(r"``((?:[a-z_0-9]+/)+[a-z_0-9]+)``", text)


def is_there(path):
    """Whether a path ends at a module or a package, or at a name that the module has."""
    parent, _, last = path.rpartition("/")
    if any(f"/{module}".endswith(f"/{path}") for module in PATHS):
        return True
    return parent in PATHS and re.search(rf"\b{last}\b", (ROOT / "appliance" / f"{parent}.py").read_text("utf-8"))


def test_named_modules_exist():
    """Each module that a docstring or a comment names by its dotted name or its path is there."""
    missing = {
        name(path): unknown
        for path in MODULES
        if (unknown := [named for text in prose(path) for named in named_modules(text) if not is_there(named)])
    }
    assert missing == {}


def test_named_tests_exist():
    """Each test file below a folder of ``tests`` that a docstring or a comment names is there."""
    missing = {
        name(path): lost
        for path in MODULES
        if (lost := [
            file for text in prose(path) for file in re.findall(r"\btests/\w+/[\w/]+\.py\b", text)
            if not (ROOT / file).is_file()
        ])
    }  # fmt: skip
    assert missing == {}


@pytest.mark.parametrize(
    ("docstring", "names"),
    [
        ("One.\n\nAttributes:\n    a, b: two.\n        c: of b.\n    d: one.\n", {"a", "b", "d"}),
        ("One.\n\n    Attributes:\n        a: one.\n\n    Raises:\n        E: b.\n", {"a"}),
        ("One: two.\n", set()),
    ],
)
def test_names_in_a_section_are_found(docstring, names):
    """The names of a section's entries are found, and neither those of nested lines nor of other sections."""
    assert section(docstring, "Attributes") == names
