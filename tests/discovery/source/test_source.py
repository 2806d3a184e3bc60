"""Python source, read and never run."""

import pytest

from appliance.discovery.source.source import read_source


@pytest.fixture
def read(tmp_path):
    """``read("text")``: the source of a module shop.web."""

    def read(text, name="web.py", module="shop.web"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_source(file, module)

    return read


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("import flask\napp = flask.Flask(__name__)", "call", "flask.Flask"),
        ("import a.b as c\napp = c.D()", "call", "a.b.D"),
        ("import a.b\napp = a.b.D()", "call", "a.b.D"),
        ("from . import x as y\napp = y()", "call", "shop.x"),
        ("from .x import y\napp = y", "reference", "shop.x.y"),
        ("from ..x import app", "reference", "x.app"),
        ("from x import *\napp = make()", "call", "x.make"),
        ("def make(): ...\napp = make()", "call", "shop.web.make"),
        ("class App: ...\napp = App()", "call", "shop.web.App"),
        ("import x\napp = x.A().b()", "call", "x.A.b"),
        ("import x\napp: 'A' = x.A()", "call", "x.A"),
        ("import x\nif True:\n  pass\nelse:\n  app = x.A()", "call", "x.A"),
        ("import x\nwith x.C() as c:\n  app = c.make()", "call", "x.C.make"),
        ("import x\nmatch 1:\n  case 1:\n    app = x.A()", "call", "x.A"),
        ("import x\n(app := x.A())", "call", "x.A"),
        ("import x\napp, other = x.A(), x.B()", "call", "x.A"),
        ("import x\napp, rt = x.make()", "call", "x.make"),
        ("import x\napp = x.A()\napp = 1 + app", "call", "x.A"),
        ("import x\napp = x.A() if x else None", "call", "x.A"),
        ("app = 'text'", "text", "text"),
        ("app = 1", "other", ""),
        ("async def app(): ...", "function", "shop.web.app"),
    ],
)
def test_bindings_of_app_are_followed(read, text, kind, name):
    """Each way to bind a name is followed to the full name of what it is bound to."""
    value = read(text).values["app"]
    assert (value.kind, value.name) == (kind, name)


def test_attributes_of_a_calls_result_are_kept(read):
    """The attributes taken from a call's result are kept."""
    assert read("import x\nd = x.D()\napp = d.server").values["app"].attributes == ("server",)


def test_a_package_is_its_own_parent(read):
    """Relative imports in ``__init__.py`` start at the package itself."""
    assert read("from .x import app", "__init__.py", "shop").values["app"].name == "shop.x.app"


def test_what_runs_as_a_script_is_not_bound(read):
    """Names under the main guard exist in a script alone; those in its ``else`` in a module alone."""
    assert set(read("if __name__ == '__main__':\n  a = 1\nelse:\n  b = 1").values) == {"b"}


def test_the_value_that_a_function_returns_is_followed(read):
    """A function's local names and imports are followed; what is handed in is not known."""
    text = "def make(given):\n  from x import A as B\n  app = B()\n  if given:\n    return given\n  return app"
    value = read(text).values["make"]
    assert [(returned.kind, returned.name) for returned in value.returns] == [("other", ""), ("call", "x.A")]
    assert value.required == 1


def test_only_arguments_without_a_default_are_required(read):
    """Defaults, ``*args`` and keywords with defaults need not be given; a keyword without one must."""
    values = read("def a(x, y=1, *z, k=2): ...\ndef b(*, k): ...\ndef c(*x, **y): ...").values
    assert [values[name].required for name in "abc"] == [1, 1, 0]


@pytest.mark.parametrize(
    "text",
    ["app = (", "app = Flask(__name__)\nprint 'old'", b"\xff\xfe\x00", b"x = 1\0", "# coding: klingon\n", "(" * 500],
)
def test_a_source_that_cannot_be_parsed_has_a_problem_and_no_values(read, text):
    """A source of another Python, or a broken one, has a problem and no values, and raises nothing."""
    source = read(text)
    assert source.problem
    assert source.values == {}


@pytest.mark.parametrize(
    "deep",
    ["if x == 0: 1\n" + "".join(f"elif x == {number}: 1\n" for number in range(900)), f"query = x{'.a()' * 900}\n"],
)
def test_a_deep_statement_hides_nothing_else(read, deep):
    """A statement of hundreds of branches or calls is passed over, also in a function; the others are read."""
    function = "def f(x):\n" + "".join(f"    {line}\n" for line in deep.splitlines())
    source = read(f"from flask import Flask\n{deep}{function}app = Flask(__name__)\n")
    assert (source.problem, source.values["app"].name, source.values["f"].kind) == ("", "flask.Flask", "function")


def test_a_missing_file_has_a_problem(tmp_path):
    """A file that disappears during the search raises nothing."""
    assert read_source(tmp_path / "gone.py", "gone").problem


def test_invalid_escapes_are_silent(read):
    """The project's own warnings are for when it runs."""
    assert "a" in read("a = '\\d'").values


def test_imports_and_served_names_of_inner_blocks_count(read):
    """Imports and calls that serve are found in functions, branches and handlers, not only at the top level."""
    text = (
        "try:\n  import a.b\nexcept ImportError:\n  import c\nelse:\n  from d import e\n"
        "def main():\n  with x:\n    import f\n  match y:\n    case 1:\n      import g\n  serve (app)\n"
        "from . import h\n"
    )
    source = read(text)
    assert source.imports == {"a", "c", "d", "f", "g"}
    assert source.served == ("app",)
