"""The house's rules for state and processes: no value of a module changes, and each child process is documented."""

import ast
import re

from appliance import conventions
from appliance.logs.render.log_fields import ALWAYS
from appliance.supervisor.processes.child_roles import TITLES, Role
from tests.parsed_files import parsed
from tests.test_house import MODULES, PACKAGE

# A method that was replaced is kept for ever, since specialised code does not hold it (the module says why).
CHANGED = {("method_replacement.py", "_originals")}
CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "update"}


def test_no_value_of_a_module_changes():
    """A value at the top of a module is constant: no code of it, or of a module that imports it, changes it."""
    assert {(path.name, each) for path in MODULES for each in changed_values(parsed(path))} == CHANGED


def test_a_changed_value_of_a_module_is_found():
    """An item, a method that changes, or an attribute: of the module's own value, or of one that it has imported."""
    source = """
from .ending import there
from os import path
own, names = Own(), []
def change(given):
    there.pause_s = 1
    own.count += 1
    names.append(given)
    path.sep = given.sep = ""
"""
    assert changed_values(ast.parse(source)) == {"there", "own", "names"}


def changed_values(tree):
    """The values at the top of a module that its code changes, also those that it imports from a module of ours."""
    targets = [each for node in tree.body if isinstance(node, ast.Assign) for each in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    own = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if node.level or (node.module or "").startswith("appliance")]
    imported = {each.asname or each.name for node in ours for each in node.names} - _bound_in_functions(tree)
    nodes = list(ast.walk(tree))
    # ``x.add(..)`` may also call a function of an imported module.
    return (set(map(_stored_into, nodes)) & (own | imported)) | (set(map(_called_to_change, nodes)) & own)


def _bound_in_functions(tree):
    """The names of a module's local variables."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    bound = (each for function in functions for each in ast.walk(function) if isinstance(each, ast.Name))
    return {each.id for each in bound if isinstance(each.ctx, ast.Store)}


def _stored_into(node):
    """The name of the value whose item or attribute this node sets or deletes; "" for none."""
    is_store = isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load)
    return node.value.id if is_store and isinstance(node.value, ast.Name) else ""


def _called_to_change(node):
    """The name of the value of which this node takes a method that changes it; "" for none."""
    is_method = isinstance(node, ast.Attribute) and node.attr in CHANGING
    return node.value.id if is_method and isinstance(node.value, ast.Name) else ""


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
    names = {"standin": "stand-in", "probes": "probe server"}
    missing = {each for each in Role if not re.search(rf"^{names.get(each, each)}$", terms, re.MULTILINE)}
    assert missing == set()


# A pattern that SAME_PATTERN lists, and the name of a file that a standard gives.
SEPARATE = {"_NAME", "_PYPROJECT"}


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


def test_a_number_with_its_reason_stands_in_one_module():
    """No two modules have a constant of the same name, value and comment: one of them takes it from the other."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for name, value in _constants(path):
            reason = lines[value.end_lineno - 1].partition("  # ")[2]
            found.setdefault((name.strip("_"), ast.unparse(value), reason), []).append(path.stem)
    assert {fact: stems for fact, stems in found.items() if fact[2] and len(stems) > 1} == {}
    assert len([fact for fact in found if fact[2]]) > 500


# Patterns that two modules have under any name, each with the reason why neither takes it from the other.
SAME_PATTERN = {
    r"re.compile('[A-Za-z0-9][A-Za-z0-9._-]*')": "the specification's form of a distribution's name",
    r"re.compile(b'\\r?\\n\\r?\\n')": "the end of a head; the probe server imports nothing of the project's side",
    "re.compile(EXAMPLE_END)": "of the text in conventions",
}


def test_a_pattern_and_a_set_stand_in_one_module():
    """No two modules have the same pattern or the same set, under any name, except the listed ones."""
    found: dict[str, list[str]] = {}
    for path in MODULES:
        for name, value in _constants(path):
            if isinstance(value, ast.Call) and ast.unparse(value.func) in {"re.compile", "frozenset"} and value.args:
                found.setdefault(ast.unparse(value), []).append(f"{path.stem}.{name}")
    assert {fact: places for fact, places in found.items() if len(places) > 1 and fact not in SAME_PATTERN} == {}
    assert {fact for fact, places in found.items() if len(places) > 1} == set(SAME_PATTERN)


def _constants(path):
    """Yield the name and the value of each assignment to one name at the top of a module."""
    for node in parsed(path).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value


# Within a text of another module, a constant of ``conventions`` is another program's own word.
FOREIGN = {("port_forwarding", "ANY_PORT")}  # VS Code's, in double braces


def test_a_fact_of_both_sides_stands_in_no_other_text():
    """No text of a module contains a text of ``conventions``, except in documentation: the module takes it."""
    texts = {name: value for name, value in vars(conventions).items() if name.isupper() and isinstance(value, str)}
    found = set()
    for path in MODULES:
        if path.stem != "conventions" and not path.stem.endswith(("events", "settings")):
            found |= {(path.stem, fact) for text in _texts(parsed(path)) for fact in texts if texts[fact] in text}
    assert found == FOREIGN
    assert "OWN_PAGES" in texts


def _texts(tree):
    """Yield the texts and bytes in the code of a module; docstrings are for people."""
    stated = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in stated:
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def _is_fact(value):
    """Whether a value is a text, or made of texts: a list, a pattern, a path."""
    texts = [each.value for each in ast.walk(value) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(len(text) > 2 for text in texts)


# Facts that several modules have, each with the reason why none of them takes it from another.
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
