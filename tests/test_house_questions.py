"""The house's rule for questions: they change nothing, so anybody may ask them at any time, and as often as is useful.

The module ``class_questions`` says what counts as a question, and what as a change.
"""

import ast
import textwrap

import pytest

from tests.class_questions import changing_questions
from tests.parsed_files import parsed
from tests.test_house import MODULES, name

_CACHE = "a cache: the next answer is the same, and faster"
_LAZY = "made when it is first asked for, because most never are"
PERMITTED = {
    "AllowedHosts.__call__": _CACHE,
    "Details.effects": _LAZY,
    "ImportMonitor._is_projects": _CACHE,
    "ProjectPlaces._is_outside_link": _CACHE,
    "ServerHandler.headers": _LAZY,
    "Swaps.objection": f"{_CACHE}; a swap of the same code takes its comparison",
    "Tree._leads_to_unwatched": "its argument collects the folders of one walk, so that a circle of links ends",
    "WSGIRequestHandler.handle_expect_100": "the name is that of http.server, and subclasses override it",
    "WSGIServer.server_context": _LAZY,
    "_Reader._is_django": _CACHE,
}

OTHER_METHODS = """
def later(self): self.step()
def step(self): self.count += 1
def allowed(self): self.known[1] = 1
"""


def test_questions_change_nothing():
    """A method with the name or the sentence of a question changes nothing, by itself or by a method of its class."""
    found = {name(path): changing_questions(parsed(path), PERMITTED) for path in MODULES}
    assert {path: questions for path, questions in found.items() if questions} == {}


def test_each_permitted_change_is_needed():
    """Each question that is permitted to change something exists, and does."""
    assert PERMITTED.keys() - {question for path in MODULES for question in changing_questions(parsed(path))} == set()


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        ("def is_over(self): self.state = 1", "self.state"),
        ("def locked_has_room(self): del self.known[0]", "self.known[0]"),
        ("def may_go(self): self.state.number += 1", "self.state.number"),
        ("def _is_for_us(self): return self._left.add(1)", "self._left.add"),
        ("@property\ndef room(self): self._asked = True", "self._asked"),
        ("def waits(self):\n 'Whether to wait.'\n self.burst.seen.clear()", "self.burst.seen.clear"),
        ("def objection(self, path):\n 'Return why not.'\n self.files[path] = 1", "self.files[path]"),
        ("def has_head(self, given): given.raw = None", "given.raw"),
        ("def is_new(self): return self.step()", "self.count"),
        ("def is_new(self): return self.later()", "self.count"),
        ("def is_new(self): return self.allowed()", None),
        ("def is_new(self): return self.count", None),
        ("def is_new(self): found = set(); found.add(1); return found", None),
        ("def is_new(self): return self.timer.is_due()", None),
        ("def take(self):\n 'Take a line; return whether it was one.'\n self.count += 1", None),
        ("def is_allowed(self): return self.is_allowed()", None),
    ],
)
def test_a_question_that_changes_something_is_found(method: str, changes: str | None):
    """A change of the object or of an argument is found, also by way of other methods, except the permitted ones."""
    methods = f"{OTHER_METHODS}\n{method}"
    tree = ast.parse(f"class A:\n{textwrap.indent(methods, ' ')}")
    assert set(changing_questions(tree, {"A.allowed"}).values()) == ({changes} if changes else set())
