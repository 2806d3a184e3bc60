"""The house's rules for state and processes: no value of a module changes, and each child process is documented."""

import ast
import re

from appliance.logs.render.log_fields import ALWAYS
from appliance.supervisor.processes.child_roles import TITLES, Role
from tests.parsed_files import parsed
from tests.test_house import MODULES, PACKAGE

# A method that was replaced is kept for ever, since specialised code does not hold it (the module says why).
CHANGED = {("method_replacement.py", "_originals")}
CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}


def test_no_value_of_a_module_changes():
    """What stands at the top of a module is a constant: no code of the module changes it."""
    changed = set()
    for path in MODULES:
        tree = parsed(path)
        targets = [each for node in tree.body if isinstance(node, ast.Assign) for each in node.targets]
        targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
        names = {each.id for each in targets if isinstance(each, ast.Name)}
        changed |= {(path.name, each) for each in map(_changed, ast.walk(tree)) if each in names}
    assert changed == CHANGED


def _changed(node):
    """The name of what this node changes; "" for none."""
    if isinstance(node, ast.Subscript):
        value = None if isinstance(node.ctx, ast.Load) else node.value
    else:
        value = node.value if isinstance(node, ast.Attribute) and node.attr in CHANGING else None
    return value.id if isinstance(value, ast.Name) else ""


def test_each_child_is_documented():
    """Each kind of child process has its line in ARCHITECTURE.md, and its name among the roles of the log."""
    assert set(TITLES) == set(Role)
    roles = set(Role) - {Role.SPARE, Role.INSTALLER}  # a spare is a worker; an installer logs as the supervisor
    assert {each for each in roles if f"`{each}`" not in ALWAYS["role"].meaning} == set()
    drawn = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8").replace("stand-in", "standin")
    assert {each for each in set(Role) - {Role.SPARE} if not re.search(rf"[├└]─ {each} ", drawn)} == set()


def test_each_child_is_in_the_glossary():
    """Each kind of child process is explained in docs/glossary.md, under the name that the log and the pages use."""
    terms = (PACKAGE.parent / "docs" / "glossary.md").read_text(encoding="utf-8").partition("\n\n")[2]
    names = {"standin": "stand-in", "probes": "probe server", "image": "image of the project"}
    missing = {each for each in Role if not re.search(rf"^{names.get(each, each)}$", terms, re.MULTILINE)}
    assert missing == set()


# Names and patterns of standards, which no change of one module changes in another.
SEPARATE = {"_CHARSET", "_FORM", "_NAME", "_PYPROJECT"}


def test_a_fact_stands_in_one_module():
    """No two modules have a constant of the same name and value, unless it is a number or two facts that agree."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in MODULES:
        for node in parsed(path).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_fact(node.value):
                name = node.targets[0].id
                found.setdefault((name.strip("_"), ast.unparse(node.value)), []).append(f"{path.stem}.{name}")
    shared = {places[0]: places for (name, _), places in found.items() if len(places) > 1}
    assert {place: places for place, places in shared.items() if place.partition(".")[2] not in SEPARATE} == {}


def _is_fact(value):
    """Whether a value is a text, or made of texts: a list, a pattern, a path."""
    texts = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(len(text) > 2 for text in texts)


# What several modules say alike, each with the reason why none of them takes it from another.
ALIKE = {
    "The above exception was the direct cause of the following exception:": "Python's own words",
    "During handling of the above exception, another exception occurred:": "Python's own words",
    frozenset({"receive", "scope", "send"}): "the ASGI specification's names, on each side",
    frozenset({"compose", "kubernetes", "swarm"}): "the command line names them before it loads a command",
}
SENTENCE = 40  # characters from which on a text is a sentence, and not a name
LIST = 3  # texts from which on a list is a fact


def test_no_sentence_and_no_list_stands_in_two_modules():
    """No two modules have the same sentence or the same set of texts, except the listed ones (events aside)."""
    found: dict[str | frozenset[str], set[str]] = {}
    for path in MODULES:
        if not path.stem.endswith("events"):
            for each in _alike(parsed(path)):
                found.setdefault(each, set()).add(path.stem)
    assert {each: sorted(stems) for each, stems in found.items() if len(stems) > 1 and each not in ALIKE} == {}
    assert {each for each, stems in found.items() if len(stems) > 1} == set(ALIKE)


def _alike(tree):
    """Yield the sentences and the sets of texts in the code of a module; docstrings are for people."""
    stated = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in stated:
            if len(node.value) >= SENTENCE and " " in node.value and '="' not in node.value:  # no markup
                yield node.value
        elif isinstance(node, ast.Set | ast.Tuple | ast.List) and len(node.elts) >= LIST:
            texts = [each.value for each in node.elts if isinstance(each, ast.Constant)]
            if len(texts) == len(node.elts) and all(isinstance(text, str) for text in texts):
                yield frozenset(texts)
