"""The comparison of two versions of a module's code: it misses nothing that a fresh import would show."""

from __future__ import annotations

import sys

import pytest

from appliance.worker.snapshot.code_bodies import name_of, same_constant, tree
from appliance.worker.snapshot.code_difference import compare
from tests.swaps.imported_module import compiled

BEFORE = '''
"""A shop."""
import functools

RATE = 1

class Cart:
    """Items."""

    size = 3
    limit: int = 4

    def add(self, item, count=1):
        """Add."""
        self.items = [item] * count
        return self.items

    @property
    def total(self):
        return sum(price for price in self.items)


def view(request, *rest, page: int = 1, **more) -> str:
    def inner(value):
        return value + page

    return str(inner(1))


@functools.lru_cache(maxsize=8)
def cached(key):
    return key * 2


by_name = lambda item: item.name


async def later():
    return 1
'''


def difference(*edits):
    """The difference that these edits make."""
    after = BEFORE
    for old, new in edits:
        assert old in after
        after = after.replace(old, new)
    return compare(compiled(BEFORE), compiled(after))


def names(pairs):
    """The names of the functions among pairs."""
    return sorted(name_of(old) for old, _ in pairs)


def test_the_same_source_has_no_difference():
    """Two compilations of one source do not differ, and a comment at a line's end is not seen."""
    assert difference() == ("", [], [], [], [], {})
    assert difference(("RATE = 1", "RATE = 1  # %")) == ("", [], [], [], [], {})


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("[item] * count", "[item, item] * count", ["Cart.add"]),
        ("sum(price for price", "sum(-price for price", ["Cart.total.<locals>.<genexpr>"]),
        ("sum(price for price in self.items)", "len(self.items)", ["Cart.total"]),
        ("value + page", "value - page", ["view.<locals>.inner"]),
        ("str(inner(1))", "str(inner(1.0))", ["view"]),
        ("    def inner(value):\n        return value + page\n\n    return str(inner(1))", "    return ''", ["view"]),
        ("key * 2", "key * True", ["cached"]),
        ("item.name", "item.title", ["<lambda>"]),
        ("    return 1\n", "    import json\n    return json\n", ["later"]),
    ],
)
def test_a_body_that_differs_is_found(old, new, changed):
    """A function whose own body differs is changed, whatever is inside; the ones around it only move."""
    found = difference((old, new))
    assert found.refused == ""
    assert names(found.changed) == changed
    assert set(names(found.moved)).isdisjoint(changed)


@pytest.mark.parametrize(
    ("old", "new", "inside"),
    [
        ("lambda row: row", "lambda each: each", "the arguments of view.<locals>.<lambda> changed"),
        ("def inner(value)", "def inner(value, *more)", "the arguments of view.<locals>.inner changed"),
        ("Inner.", "More.", "the docstring of view.<locals>.inner changed"),
        ("size = 1", "size = 2", "the body of the class view.<locals>.Local changed in line 6"),
        ("def method(self)", "def method(self, more)", "the arguments of view.<locals>.Local.method changed"),
    ],
)
def test_what_a_function_would_make_is_its_own_affair(old, new, inside):
    """A function that would make other functions or classes is changed: it has made none if it never ran."""
    source = (
        "def view(rows):\n    def inner(value):\n        'Inner.'\n        return value\n"
        "    class Local:\n        size = 1\n        def method(self): return 1\n"
        "    return sorted(rows, key=lambda row: row)\n"
    )
    found = compare(compiled(source), compiled(source.replace(old, new)))
    ((code, _),) = found.changed
    assert (found.refused, name_of(code), found.moved, found.classes) == ("", "view", [], [])
    assert found.inside == {id(code): inside}


def test_a_text_in_a_generator_expression_may_change():
    """The first constant of a function without a docstring may be any text: another one only changes the body."""
    old, new = (compiled(f"def view(rows):\n    return ''.join({text!r} for _ in rows)\n") for text in ("a", "b"))
    found = compare(old, new)
    assert found.refused == ""
    assert names(found.changed) == ["view.<locals>.<genexpr>"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"""A shop."""', '"""A store."""', "the docstring of the module changed"),
        ('"""Items."""', '"""Item."""', "the docstring of Cart changed"),
        ('"""Add."""', '"""Add it."""', "the docstring of Cart.add changed"),
        ('        """Add."""\n', "", "the docstring of Cart.add changed"),
        ("RATE = 1", "RATE = 1.0", "the module's body changed in line 5"),
        ("RATE = 1", "RATE = True", "the module's body changed in line 5"),
        ("RATE = 1", "RATE = 300", "the module's body changed in line 5"),
        ("size = 3", "size = 5", "the body of the class Cart changed in line 10"),
        ("    size = 3\n", "", "the body of the class Cart changed in line 10"),
        ("count=1", "count=2", "a decorator, a default or an annotation of Cart.add changed"),
        ("count=1", "number=1", "the arguments of Cart.add changed"),
        ("self, item, count=1", "self, item, /, count=1", "the arguments of Cart.add changed"),
        ("    @property\n", "", "a decorator, a default or an annotation of Cart.total changed"),
        ("maxsize=8", "maxsize=9", "a decorator, a default or an annotation of cached changed"),
        ("*rest, page", "rest, *, page", "the arguments of view changed"),
        ("def cached", "def caching", "the function caching is new"),
        ("async def later():\n    return 1\n", "", "the function later is gone"),
        ("async def", "def", "later is no longer a coroutine"),
        ("    return 1\n", "    yield 1\n", "later is no longer a coroutine"),
        ("return key * 2", "yield key * 2", "cached is now a generator"),
        ("return self.items", "return super().items", "Cart.add uses other variables of the scope around it"),
        ("import functools", "import functools, re", "the module's body changed in line 3"),
        ("by_name = lambda item: item.name", "by_name = None", "the module's body changed in line 35"),
        ("lambda item:", "lambda item=1:", "the module's body changed in line 35"),
        ("class Cart:", "class Cart(dict):", "the module's body changed in line 7"),
        ("class Cart:", "class Other: pass\nclass Cart:", "the class Other is new"),
    ],
)
def test_a_change_that_an_import_would_show_is_refused(old, new, reason):
    """Code that runs at an import, or can be seen without a call, is a reason, in plain words."""
    assert difference((old, new)).refused == reason


@pytest.mark.parametrize(("old", "new"), [("page: int", "page: str"), ("-> str", "-> int"), ("-> str", "")])
def test_annotations_are_refused(old, new):
    """The annotations of a function are part of its signature, also where they are evaluated later."""
    assert difference((old, new)).refused in {
        "a decorator, a default or an annotation of view changed",
        "the annotations of view changed",
        "the module's body changed in line 23",  # other instructions, before the function's own
    }


def test_moved_lines_are_not_a_change():
    """Functions below an added line have moved; those above it do not differ."""
    found = difference(("\nby_name", "\n\n# Sorting.\n\nby_name"))
    assert (found.refused, found.changed, names(found.moved)) == ("", [], ["<lambda>", "later"])


@pytest.mark.skipif(sys.version_info < (3, 13), reason="classes have no first line before Python 3.13")
@pytest.mark.parametrize("lines", [1, 100, 250, 300, 70000])
def test_classes_get_their_new_lines(lines):
    """A class's first line and the attributes that its methods assign are not among the constants of its body."""
    found = difference(("import functools", "\n" * lines + "import functools"), ("self.items =", "self.kept ="))
    assert found.refused == ""
    (stored,) = found.classes
    assert (stored.name, stored.line, stored.new_line, stored.attributes) == ("Cart", 7, 7 + lines, ("kept",))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="as above")
@pytest.mark.parametrize(
    "end",
    [
        "if WIDE:\n        size = 2\n    else:\n        size = 3",
        "if typing.TYPE_CHECKING:\n        size: int",
        "try:\n        size = 1\n    except ValueError as error:\n        size = 2",
        "with lock:\n        size = 2",
    ],
)
def test_a_class_that_ends_in_branches_gets_its_new_line(end):
    """The compiler ends each branch of a class's body with the names that the methods assign."""
    source = f"class C:\n    def f(self): self.kept = 1\n    {end}\n"
    found = compare(compiled(source), compiled("\n" + source.replace("self.kept", "self.new")))
    assert (found.refused, names(found.changed)) == ("", ["C.f"])
    assert [(each.new_line, each.attributes) for each in found.classes] == [(2, ("new",))]
    own = source.replace("class C:\n", "class C:\n    __static_attributes__ = ('kept',)\n")
    assert compare(compiled(own), compiled(own.replace("self.kept", "self.new"))).refused


@pytest.mark.skipif(sys.version_info < (3, 13), reason="as above")
@pytest.mark.parametrize("constant", [4, 5, 6, 255, 256, 257])
@pytest.mark.parametrize("line", [4, 5, 250, 255, 256, 257])
def test_a_constant_that_equals_the_line_number_is_told_apart(constant, line):
    """A class's body has one constant for its line and for an equal number of its own: only places shift."""
    source = (
        f"class C:\n    a = {constant}\n    b = {{'x': {constant + 1}, 'y': (1, {constant})}}\n    def f(self): pass\n"
    )
    moved = compare(compiled(source), compiled("\n" * (line - 1) + source))
    assert (moved.refused, moved.changed) == ("", [])
    assert [each.new_line for each in moved.classes] == [line] * (line != 1)
    other = compare(compiled(source), compiled("\n" * (line - 1) + source.replace(f"a = {constant}", f"a = {line}")))
    assert bool(other.refused) == (constant != line)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (1.0, 1 + 0j),
        (0j, complex(-0.0, 0)),
        (0j, complex(0, -0.0)),
        ("a", b"a"),
        ((1, 2), (1, 2.0)),
        ((1, (0.0,)), (1, (-0.0,))),
        (frozenset({1}), frozenset({True})),
        (frozenset({1, 2}), frozenset({1})),
        ((), frozenset()),
        (None, 0),
        (None, ...),
        (slice(1, 2), slice(1, 3)),
        (slice(1, 2), slice(True, 2)),
        (object(), object()),
    ],
)
def test_constants_are_compared_by_type_and_bits(one, other):
    """Equal is not the same: each pair differs, and each one is the same as itself."""
    assert not same_constant(one, other)
    assert same_constant(one, one)
    assert same_constant(other, other)


def test_not_a_number_equals_itself():
    """Two compilations of one not-a-number are the same constant."""
    assert same_constant(float("nan"), float("nan"))
    assert same_constant(frozenset({float("inf"), "a"}), frozenset({"a", float("inf")}))


def test_redefinitions_are_told_apart_by_their_place():
    """Functions of one name, as singledispatch and overloads make them, are paired in their order."""
    source = "@register\ndef _(value: int):\n    return 1\n\n@register\ndef _(value: str):\n    return 2\n"
    found = compare(compiled(source), compiled(source.replace("return 2", "return 3")))
    ((old, new),) = found.changed
    assert (old.co_firstlineno, new.co_firstlineno, found.moved, found.refused) == (5, 5, [], "")
    swapped = "@register\ndef _(value: str):\n    return 2\n\n@register\ndef _(value: int):\n    return 1\n"
    assert compare(compiled(source), compiled(swapped)).refused


def test_equal_lambdas_in_one_line_are_two():
    """Two lambdas of one line and text differ by their columns; where Python makes them one, they are refused."""
    found = compare(compiled("a, b = lambda: 1, lambda: 1\n"), compiled("a, b = lambda: 1, lambda: 2\n"))
    assert bool(found.refused) != (len(found.changed) == 1)


def test_each_code_object_is_compared_or_below_a_changed_one():
    """If lines have moved, each function of the file is changed, moved, or inside of one that changed."""
    before = compiled(BEFORE)
    found = compare(before, compiled("\n" + BEFORE.replace("str(inner(1))", "repr(inner(1))")))
    covered = {id(old) for old, _ in found.moved} | {id(each) for old, _ in found.changed for each in tree(old)}
    functions = {id(each) for each in tree(before) if each.co_flags & 3 == 3}
    assert functions == covered


def test_another_file_or_future_is_refused():
    """Code of another path, or compiled with other flags, is not the file's."""
    one = compiled("def f(): return 1\n")
    assert compare(one, compiled("def f(): return 1\n", "/srv/other.py")).refused == "the module is new"
    future = compiled("from __future__ import annotations\ndef f(): return 1\n")
    assert "flags" in compare(one, future).refused
