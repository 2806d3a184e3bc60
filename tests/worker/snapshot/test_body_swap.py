"""A swap leaves what a fresh import would leave, or has an objection."""

from __future__ import annotations

import builtins
import gc
import inspect
import linecache
import sys
import traceback
import types
import weakref
from pathlib import Path
from typing import Any

import pytest

from appliance.worker.snapshot.body_swap import Swaps
from tests.swaps.imported_module import Imported, compiled

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="run on newer Pythons by test_newer_pythons.py")

SHOP = """
import functools
import warnings

ROUTES = {}

def route(path):
    def register(function):
        ROUTES[path] = function
        return function
    return register

class Cart:
    rate = 2

    def __init__(self, items=()):
        self.items = items

    @property
    def total(self):
        return sum(self.items) * self.rate

    @classmethod
    def empty(cls):
        return cls()

    @staticmethod
    def helper():
        return "helper 1"

    def parent(self):
        return super().__repr__()[:5]

@route("/")
def index(name="x"):
    return f"index 1 {name}"

@functools.lru_cache
def cached():
    return "cached 1"

def factory(add):
    def inner(value):
        return value + add + 1
    return inner

plus_one = factory(1)
plus_two = factory(2)
bound = Cart((1, 2)).parent
part = functools.partial(index, "part")

@route("/wrapped")
@functools.wraps(index)
def wrapper():
    return index("wrapped")

def fails():
    raise KeyError("1")
"""


@pytest.fixture
def shop(tmp_path):
    return Imported(tmp_path, SHOP)


def test_every_holder_of_a_function_sees_its_new_body(shop):
    """Registries, partials, closures, methods, properties and caches hold functions, so all see the new code."""
    module = shop.swap(
        ("index 1", "index 2"),
        ("sum(self.items)", "len(self.items)"),
        ("cached 1", "cached 2"),
        ("helper 1", "helper 2"),
        ("add + 1", "add + 10"),
        ("[:5]", "[:3]"),
        ("return cls()", "return cls((1,))"),
    )
    assert module.ROUTES["/"]() == "index 2 x"
    assert module.part() == "index 2 part"
    assert module.ROUTES["/wrapped"]() == "index 2 wrapped"
    assert (module.plus_one(0), module.plus_two(0), module.factory(3)(0)) == (11, 12, 13)
    assert module.Cart((5, 5)).total == 4
    assert (module.Cart.helper(), module.Cart.empty().items, module.cached()) == ("helper 2", (1,), "cached 2")
    assert len(module.bound()) == 3


def test_lines_are_those_of_the_new_file(shop):
    """Tracebacks, getsource and classes show the new lines, also of functions that did not change."""
    edits = (
        ("import functools\n", "import functools\n\n# one\n# more\n"),
        ('"helper 1"', '"helper 1"\n\n    # above the next one'),
        ("return super()", "self.kept = 1; return super()"),
    )
    linecache.cache[shop.path] = (1, None, shop.source.splitlines(keepends=True), shop.path)
    module = shop.swap(*edits)
    new = shop.source
    for before, after in edits:
        new = new.replace(before, after)
    Path(shop.path).write_text(new, encoding="utf-8")
    lines = new.splitlines()
    with pytest.raises(KeyError) as raised:
        module.fails()
    assert traceback.extract_tb(raised.tb)[-1].lineno == lines.index('    raise KeyError("1")') + 1
    assert inspect.getsource(module.Cart).startswith("class Cart:")
    assert inspect.getsource(module.plus_one).lstrip().startswith("def inner(value)")
    if sys.version_info >= (3, 13):
        assert module.Cart.__firstlineno__ == lines.index("class Cart:") + 1
        assert sorted(module.Cart.__static_attributes__) == ["items", "kept"]


def test_a_second_swap_starts_from_the_snapshot(shop):
    """The snapshot stays as it was imported: each fork swaps what changed since."""
    assert shop.objection(("index 1", "index 2")) == ""
    assert shop.objection(("index 1", "index 3"), ("cached 1", "cached 3")) == ""
    assert shop.module.index() == "index 1 x"
    assert shop.swap(("index 1", "index 4")).index() == "index 4 x"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("ROUTES[path] = function", "ROUTES[path] = None"), "ran while the project was imported"),
        (("self.items = items", "self.items = list(items)"), "ran while the project was imported"),
        (("return inner", "return inner or None"), "ran while the project was imported"),
        (('@route("/")', '@route("/x")'), "a decorator, a default or an annotation of index changed"),
        (('name="x"', 'name="y"'), "a decorator, a default or an annotation of index changed"),
        (("rate = 2", "rate = 3"), "the body of the class Cart changed"),
        (("def fails", "def added(): pass\ndef fails"), "the function added is new"),
    ],
)
def test_what_an_import_would_do_otherwise_is_an_objection(shop, edit, reason):
    """A change of what ran at the import has an objection, and nothing is applied."""
    code = shop.saved(edit)
    assert reason in shop.swaps.objection(shop.path, code)
    with pytest.raises(ValueError, match=reason):
        shop.swaps.apply(shop.path, code)
    assert shop.module.index() == "index 1 x"


def test_an_unknown_file_is_an_objection(shop):
    """A file that is not a module has no functions to change."""
    assert shop.swaps.objection("/srv/other.py", compiled("x = 1\n")) == "the file is no module that was imported"


LOOK = "import gc, types\ndef f(): pass\ncode, *_ = [x for x in gc.get_referents(f) if type(x) is types.CodeType]\n"
HELD = {
    "a generator": "def f():\n    yield 1\nheld = f()",
    "a running generator": "def f():\n    yield 1\nheld = f()\nnext(held)",
    "a generator expression": "held = (x + 1 for x in [1])",
    "a coroutine": "async def f(): pass\nheld = f()",
    "an asynchronous generator": "async def f():\n    yield 1\nheld = f()",
    "a frame": "import sys\ndef f():\n    return sys._getframe()\nheld = f()",
    "an exception": "def f():\n    1 / 0\ntry:\n    f()\nexcept ZeroDivisionError as error:\n    held = error",
    "a list": LOOK + "held = [code]\ndel code",
    "a tuple": LOOK + "held = (1, (code,))\ndel code",
    "a dictionary": LOOK + "held = {1: code}\ndel code",
    "an attribute": LOOK + "f.held = code\ndel code",
    "a default": LOOK + "def g(x=code): pass\ndel code",
    "a default of other code": LOOK + "exec('def g(x=code): pass')\ndel code",
    "a variable": LOOK,
}


@pytest.mark.parametrize("source", HELD.values(), ids=HELD.keys())
def test_code_that_others_hold_is_an_objection(tmp_path, source):
    """A generator, a frame or a container would go on with the old code, or with its lines."""
    imported = Imported(tmp_path, f"{source}\n")
    gc.collect()
    assert imported.objection((source, f"\n{source}"))
    for held in ("held", "f"):
        imported.module.__dict__.pop(held, None)


ALIENS = {
    "replaced code": "def f(): return 1\nf.__code__ = f.__code__.replace(co_flags=f.__code__.co_flags)",
    "a copied function": "import types\ndef f(): return 1\ng = types.FunctionType(f.__code__.replace(co_name='g'), {})",
    "compiled text": "exec(compile('def f(): return 1', __file__, 'exec'))",
    "compiled text that ran": "exec(compile('x = 1', __file__, 'exec'))",
    "a kept module code": "kept = compile('def f(): return 1', __file__, 'exec')",
}


@pytest.mark.parametrize("source", ALIENS.values(), ids=ALIENS.keys())
def test_code_that_is_not_the_files_blocks_it(tmp_path, source):
    """A function that has other code than the file's was made in a way that a swap does not know."""
    imported = Imported(tmp_path, f"{source}\ndef other(): return 1\n")
    assert imported.path in imported.swaps.blocked_files()
    assert imported.objection(("other(): return 1", "other(): return 2"))


def test_a_file_that_was_imported_twice_is_blocked(tmp_path):
    """Two modules of one file would both have to change; a link to a file is the same file."""
    imported = Imported(tmp_path, "def f(): return 1\n")
    link = tmp_path / "link.py"
    link.symlink_to(imported.path)
    twin = compiled(imported.source, str(link))
    swaps = Swaps({imported.path: imported.code, str(link): twin}, imported.monitor)
    blocked = swaps.blocked_files()
    assert blocked[imported.path] == blocked[str(link)] == "the file was imported from 2 paths"
    second = types.ModuleType("second")
    second.__file__ = imported.path
    sys.modules["second"] = second
    swaps = Swaps({imported.path: imported.code}, imported.monitor)
    assert swaps.blocked_files() == {imported.path: "the file was imported as 2 modules"}
    del sys.modules["second"]


def test_a_warnings_line_must_not_move(tmp_path):
    """Python remembers by its line that a warning was given, so lines above it stay where they are."""
    imported = Imported(
        tmp_path, "def f(): return 1\nimport warnings\nwarnings.warn('old', UserWarning)\ndef g(): return 1\n"
    )
    if "__warningregistry__" not in imported.module.__dict__:
        pytest.skip("not run: pytest keeps warnings for itself")
    assert imported.objection(("f(): return 1", "f(): return 2")) == ""
    assert "warning" in imported.objection(("def f", "\ndef f"))


def test_code_that_runs_keeps_its_lines(tmp_path):
    """A script that serves in its last line still runs: lines above its call must not move."""
    source = "def f(): return 1\ndef g(): return 2\nx = serve()\n"
    folder = tmp_path / "script"
    folder.mkdir()
    found = []
    imported = Imported.__new__(Imported)

    def serve():
        imported.monitor.end()
        imported.swaps = Swaps({imported.path: imported.code}, imported.monitor)
        found.append(imported.objection(("f(): return 1", "f(): return 5")))
        found.append(imported.objection(("def g", "\ndef g")))

    builtins.serve = serve  # type: ignore[attr-defined]
    try:
        imported.__init__(folder, source)  # type: ignore[misc]
    finally:
        del builtins.serve  # type: ignore[attr-defined]
    assert found == ["", "lines moved in code that runs while the project is served"]


def test_functions_live_as_long_as_they_would(tmp_path):
    """The index keeps no function alive, and a function that is gone does not matter."""
    imported = Imported(tmp_path, "def f(): return 1\ndef g(): return 1\n")
    gone = weakref.ref(imported.module.g)
    del imported.module.g
    gc.collect()
    assert gone() is None
    assert imported.swap(("return 1", "return 2")).f() == 2


def test_a_factory_that_ran_may_make_other_functions(tmp_path):
    """The body of a factory that ran is the same; what it made, and what it makes next, has the new inner body."""
    imported = Imported(tmp_path, "def app():\n    def view():\n        return 1\n    return view\nview = app()\n")
    module = imported.swap(("return 1", "return 2"))
    assert (module.view(), module.app()()) == (2, 2)
    assert "ran" in imported.objection(("    return view", "    return [view]"))


def test_a_view_may_make_other_functions_if_it_never_ran(tmp_path):
    """The inner functions of a view are its own affair until it has run: then some may exist."""
    source = "def view(rows):\n    return sorted(rows, key=lambda row: -row)\n"
    edit = ("lambda row: -row", "lambda each: each")
    assert Imported(tmp_path, source).swap(edit).view([2, 1]) == [1, 2]
    ran = Imported(tmp_path, source + "view([1])\n")
    assert ran.objection(edit) == "the arguments of view.<locals>.<lambda> changed"


LOG = """
import logging
LINES = []
class Kept(logging.Handler):
    def emit(self, record):
        LINES.append(record.lineno)
logger = logging.Logger("shop")
logger.addHandler(Kept())
def note(*given, **more):
    logger.error("noted", *given, **more)
logger.error("above")
def view():
    return 1
"""
READ_LINES = {
    "a log record": 'logger.error("below")',
    "a log record of the caller": "note(stacklevel=2)",
    "a log record in a class": "class Late:\n    def method(self): return 1\n    logger.error('in a class')",
    "a frame in a class": "import inspect\nclass Late:\n    line = inspect.currentframe().f_lineno",
    "a line by its name": "import operator, sys\nline = operator.attrgetter('f_code.co_firstlineno')(sys._getframe())",
    "a line in evaluated text": "import sys\nline = eval('sys._getframe(1).f_lineno')",
    "a walk of the stack": "import traceback\nline = next(traceback.walk_stack(None))[1]",
    "an exception": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    line = error.__traceback__.tb_lineno",
}


@pytest.mark.parametrize("source", READ_LINES.values(), ids=READ_LINES.keys())
def test_lines_that_the_import_has_read_must_not_move(tmp_path, source):
    """A number that logging, the project or a package has read from a frame may be kept anywhere."""
    imported = Imported(tmp_path, f"{LOG}{source}\n")
    assert imported.objection(("return 1", "return 2")) == ""
    assert "lines moved, and " in imported.objection(("    return 1", "    number = 1\n    return 1"))


@pytest.mark.parametrize(
    "more",
    [
        "",
        "exec(compile('logger.error(1)', '<package>', 'exec'), {'logger': logger})\n",
        "import inspect\nplace = inspect.getfile(inspect.currentframe())\n",
        "import sys\ncaller = sys._getframe().f_globals['__name__']\n",
    ],
)
def test_lines_that_were_not_read_may_move(tmp_path, more):
    """A record of the log keeps its caller's line alone; a package's record, and a look for a name, keep none."""
    imported = Imported(tmp_path, LOG + more)
    assert imported.swap(("    return 1", "    number = 2\n    return number")).view() == 2


@pytest.mark.skipif(sys.version_info < (3, 15), reason="no import is lazy before Python 3.15")
def test_a_lazy_import_keeps_its_line(tmp_path):
    """A lazy import that fails later names the line of its statement; functions below it may move."""
    imported = Imported(tmp_path, "def f():\n    return 1\nlazy import no_such_module\ndef g():\n    return 2\n")
    assert "lines moved, and " in imported.objection(("    return 1", "    number = 1\n    return 1"))
    assert imported.objection(("    return 2", "    number = 2\n    return 2")) == ""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="classes have no first line before Python 3.13")
@pytest.mark.parametrize(
    "source",
    [
        "copied = {name: each for name, each in vars(Late).items() if not callable(each)}",
        "copied = [{name: each for name, each in vars(Late).items() if type(each) is int}]",
        "copied = {each: name for name, each in vars(Late).items() if type(each) is int}",
        "copied = [(name, each) for name, each in vars(Late).items() if type(each) is int]",
        "copied = [(each, name) for name, each in vars(Late).items() if type(each) is int]",
        "line = Late.__firstlineno__",
        "line = getattr(Late, '__firstlineno__')",
    ],
)
def test_a_class_whose_line_was_copied_must_not_move(tmp_path, source):
    """A class's first line is among its names, which registries copy."""
    imported = Imported(tmp_path, f"def f():\n    return 1\nclass Late:\n    size = 1\n{source}\n")
    assert imported.objection(("return 1", "return 2")) == ""
    assert "a class moved, and " in imported.objection(("    return 1", "    number = 1\n    return 1"))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="as above")
@pytest.mark.parametrize(
    ("head", "end"),
    [
        ("    __module__ = 'elsewhere'\n", ""),
        ("", "import sys\nkept = sys.modules[__name__]\nsys.modules[__name__] = Late()"),
    ],
)
def test_a_class_is_found_without_its_module(tmp_path, head, end):
    """A class that names another module, or whose module has replaced itself, gets its new line."""
    imported = Imported(tmp_path, f"def f():\n    return 1\nclass Late:\n{head}    size = 1\n{end}\n")
    module = imported.swap(("    return 1", "    number = 1\n    return 1"))
    assert module.Late.__firstlineno__ == 4


def test_an_overload_may_move(tmp_path):
    """The registry of overloads has the lines only as keys."""
    source = (
        "import typing\ndef f():\n    return 1\n@typing.overload\ndef g(x: int) -> int: ...\ndef g(x):\n    return x\n"
    )
    module = Imported(tmp_path, source).swap(("    return 1", "    number = 1\n    return 1"))
    assert module.f() == 1


def test_objections_are_found_for_each_file_alone(tmp_path):
    """Each of two files that one snapshot imported is swapped for itself."""
    other = compiled("def g(): return 1\n", str(tmp_path / "other.py"))
    names: dict[str, Any] = {}
    one = Imported(tmp_path, "def f(): return 1\nexec(other, names)\n", names=names, other=other)
    swaps = Swaps({one.path: one.code, str(tmp_path / "other.py"): other}, one.monitor)
    assert swaps.blocked_files() == {}
    swaps.apply(one.path, one.saved(("1", "2")))
    assert (one.module.f(), names["g"]()) == (2, 1)
