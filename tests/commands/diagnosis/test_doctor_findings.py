"""The table of what the doctor says: each row is used, has all its facts, and says what to do where something hurts."""

import ast
import inspect
import string

import pytest

from appliance.commands.diagnosis import doctor_checks
from appliance.commands.diagnosis.doctor_findings import ROWS, finding


def _uses():
    """Row to the names of facts, of each call of finding() in the looks."""
    found: dict[str, set[str | None]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(doctor_checks))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "finding":
            facts = {keyword.arg for keyword in node.keywords}
            rows = _constants(node.args[0])
            found |= dict.fromkeys(rows or _rows_of(node), facts)
    return found


def _constants(node):
    branches = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
    return {each.value for each in branches if isinstance(each, ast.Constant)}


def _rows_of(call):
    """The rows of a name that is bound in the same module: ``row = "a" if .. else "b"``."""
    tree = ast.parse(inspect.getsource(doctor_checks))
    named = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == call.args[0].id
    ]
    return {row for node in named for row in _constants(node.value)}


USES = _uses()


def test_every_row_is_used():
    """The looks use all rows, and no other."""
    assert set(USES) == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_its_facts(name):
    """Each row is given exactly the facts that it names, and its words are whole with them."""
    row = ROWS[name]
    asked = {field for text in (row.found, row.action) for _, field, _, _ in string.Formatter().parse(text) if field}
    assert USES[name] == asked
    made = finding(name, **dict.fromkeys(asked, 3))
    assert "{" not in made.found + made.action
    assert (made.topic, made.state) == (row.topic, row.state)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_not_fine_says_what_to_do(name):
    """A row that is not fine has an action, a row that is fine has none; its topic is the first part of its name."""
    row = ROWS[name]
    assert row.state in {"ok", "note", "hurts"}
    assert name.startswith(f"{row.topic}.")
    assert bool(row.action) is (row.state != "ok")


def test_facts_are_not_words_of_the_table():
    """A folder with braces in its name is named as it is."""
    assert finding("port.none", folder="/a{b}").found == "no appliance runs for /a{b}"
