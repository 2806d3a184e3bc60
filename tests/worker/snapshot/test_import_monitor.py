"""The notes of an import's monitor: the functions that ran, and those that looked at code or source."""

from __future__ import annotations

import os
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

import pytest

from appliance.protocol.snapshot_messages import TOO_OLD
from appliance.worker.snapshot.code_bodies import name_of
from appliance.worker.snapshot.import_monitor import ImportMonitor
from tests.swaps.imported_module import Imported

MONITORING: Any = getattr(sys, "monitoring", None)
NEW = pytest.mark.skipif(sys.version_info < (3, 12), reason="run on newer Pythons by test_newer_pythons.py")

RUNS = {
    "a call": "def f(): pass\nf()",
    "a key of a sort": "def f(x): return x\nsorted([2, 1], key=f)",
    "a callback of a pattern": "import re\ndef f(match): return ''\nre.sub('a', f, 'aa')",
    "a thread": "import threading\ndef f(): pass\nt = threading.Thread(target=f)\nt.start()\nt.join()",
    "a property": "class C:\n    @property\n    def f(self): return 1\nC().f",
    "a cached property": "import functools\nclass C:\n    @functools.cached_property\n    def f(self): return 1\nC().f",
    "a descriptor": "class D:\n    def __get__(self, *_): return 1\nclass C:\n    d = D()\nC.d",
    "a subclass": "class C:\n    def __init_subclass__(cls): pass\nclass D(C): pass",
    "a metaclass": "class M(type):\n    def __new__(m, *a): return type.__new__(m, *a)\nclass C(metaclass=M): pass",
    "a namespace": "class M(type):\n    @classmethod\n"
    "    def __prepare__(m, *a): return {}\nclass C(metaclass=M): pass",
    "a name": "class D:\n    def __set_name__(self, *_): pass\nclass C:\n    d = D()",
    "an item of a class": "class C:\n    def __class_getitem__(cls, x): return cls\nC[int]",
    "an attribute of the module": "def __getattr__(name): return 1\nimport sys\nsys.modules[__name__].other",
    "a finalizer": "class C:\n    def __del__(self): pass\nC()",
    "a finalizer in a circle": "class C:\n    def __del__(self): pass\nc = C()\nc.c = c\ndel c",
    "a generator": "def f(): yield 1\nlist(f())",
    "a coroutine": "import asyncio\nasync def f(): pass\nasyncio.run(f())",
    "a decorator": "def f(function): return function\n@f\ndef g(): pass",
    "a cached function": "import functools\n@functools.cache\ndef f(): pass\nf()",
    "a partial": "import functools\ndef f(x): pass\nfunctools.partial(f, 1)()",
    "a dispatched function": "import functools\n@functools.singledispatch\ndef f(x): pass\nf(1)",
    "a context": "import contextlib\n@contextlib.contextmanager\ndef f(): yield\nwith f(): pass",
    "a factory of fields": "import dataclasses\ndef f(): return 1\n@dataclasses.dataclass\n"
    "class C:\n    x: int = dataclasses.field(default_factory=f)\nC()",
    "a comparison": "class C:\n    def __lt__(self, other): return True\nsorted([C(), C()])",
    "a hash": "class C:\n    def __hash__(self): return 1\n{C(): 1}",
    "a representation": "class C:\n    def __format__(self, how): return ''\nf'{C()}'",
    "a call that fails": "def f(): 1 / 0\ntry:\n    f()\nexcept ZeroDivisionError: pass",
    "an inner function": "def g():\n    def f(): pass\n    return f\ng()()",
    "a second of one code": "def g():\n    def f(): pass\n    return f\ng()\ng()()",
    "a copy": "import types\ndef f(): pass\ntypes.FunctionType(f.__code__, {})()",
    "an enumeration": "import enum\nclass E(enum.Enum):\n"
    "    def _generate_next_value_(name, *_): return name\n    A = enum.auto()",
}


@NEW
@pytest.mark.parametrize("source", RUNS.values(), ids=RUNS.keys())
def test_functions_that_ran_are_known(tmp_path, source):
    """A function that the import runs in any way, in Python or in C, is seen; one beside it did not run."""
    imported = Imported(tmp_path, f"def quiet(): pass\n{source}\n")
    ran = {name_of(code).rpartition(".")[2] for code in imported.monitor.started.values()}
    wanted = source.split("def ")[1].split("(")[0]
    assert imported.monitor.failed == ""
    assert {"<module>", wanted} - {"g"} <= ran
    assert "quiet" not in ran


QUIET = {
    "a coroutine that never ran": "async def f(): pass\nc = f()\nc.close()",
    "a generator that never ran": "def f(): yield 1\nf().close()",
    "a signature": "import inspect\ndef f(x): pass\ninspect.signature(f), inspect.iscoroutinefunction(f)",
    "a wrapper": "import functools\ndef f(x): pass\nfunctools.wraps(f)(lambda: 1)",
    "a registration": "import atexit\ndef f(): pass\natexit.register(f)\natexit.unregister(f)",
    "type hints": "import typing\ndef f(x: int) -> 'str': pass\ntyping.get_type_hints(f)",
    "a data class": "import dataclasses\n@dataclasses.dataclass(slots=True)\nclass C:\n"
    "    x: int = 1\n    def f(self): return super().__init__",
}


@NEW
@pytest.mark.parametrize("source", QUIET.values(), ids=QUIET.keys())
def test_functions_that_only_exist_did_not_run(tmp_path, source):
    """A look at a function's signature does not count, nor does a coroutine that was never awaited."""
    imported = Imported(tmp_path, source)
    assert "f" not in {code.co_name for code in imported.monitor.started.values()}
    assert (imported.monitor.failed, imported.monitor.pinned, imported.monitor.sources) == ("", {}, {})


LOOKS = {
    "the code": "f.__code__",
    "the code by name": "getattr(f, '__code__')",
    "its referents": "import gc\nconstants = len(gc.get_referents(f))",
    "the code of a method": "class C:\n    def f(self): pass\nf = C.f\nC().f.__code__",
    "the disassembly": "import dis, io\ndis.dis(f, file=io.StringIO())",
    "closed variables": "import inspect\ninspect.getclosurevars(f)",
    "a replacement": "f.__code__.replace(co_name='g')",
    "all attributes": "import inspect\ninspect.getmembers(f)",
    "a generator": "def f(): yield 1\ng = f()\ng.gi_code\ng.close()\ndel g",
    "a generator's frame": "def f(): yield 1\ng = f()\ng.gi_frame.f_code\ng.close()\ndel g",
    "a coroutine": "async def f(): pass\ng = f()\ng.cr_code\ng.close()\ndel g",
    "an asynchronous generator": "async def f(): yield 1\ng = f()\ng.ag_code\ndel g",
}


@NEW
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_code_is_pinned_by_a_look(tmp_path, look):
    """A reader of a function's code may know its body or its line, so no other code takes its place."""
    imported = Imported(tmp_path, f"def f(): pass\n{look}\n")
    assert {code.co_name for code, _ in imported.monitor.pinned.values()} == {"f"}
    assert "its code was read by" in imported.objection(("def f", "\ndef f"))


READS = {
    "open": "open(__file__).close()",
    "a path": "import pathlib\npathlib.Path(__file__).read_text()",
    "bytes": "import os\nopen(os.fsencode(__file__)).close()",
    "a descriptor": "import os\nos.close(os.open(__file__, os.O_RDONLY))",
    "inspect": "import inspect\ndef f(): pass\ninspect.getsource(f)",
    "linecache": "import linecache\nlinecache.getline(__file__, 1)",
    "tokenize": "import tokenize\ntokenize.open(__file__).close()",
    "a loader": "import importlib.machinery as m\nm.SourceFileLoader(__name__, __file__).get_source(__name__)",
    "data": "import importlib.machinery as m\nm.SourceFileLoader(__name__, __file__).get_data(__file__)",
    "a traceback": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.format_exc()",
    "a relative path": "import os\nos.chdir(os.path.dirname(__file__))\nopen(os.path.basename(__file__)).close()",
}


@NEW
@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_source_that_was_read_blocks_its_file(tmp_path, monkeypatch, read):
    """A file whose text is an input of the import can't be swapped, however it was read."""
    monkeypatch.chdir(tmp_path)
    imported = Imported(tmp_path, read)
    assert imported.monitor.failed == ""
    assert "its source was read by" in imported.swaps.blocked_files()[imported.path]


DECORATORS = """
import inspect, sys
KEPT = []
def attach(wrapped, depth=1):
    kept = inspect.getframeinfo(sys._getframe(depth + 1))
    KEPT.append((kept.lineno, kept.code_context))
"""
CALLS = {
    "a call of Pyramid's": "import traceback\n"
    "exec(compile('def add(stack): return stack(limit=4)', '<pyramid>', 'exec'))\nadd(traceback.extract_stack)",
    "Pyramid's decorators": "import sys\nvenusian = sys.modules['venusian']\n"
    "exec(compile('def view(wrapped): venusian.attach(wrapped)', '<pyramid>', 'exec'))\n@view\ndef f(): return 1",
}


@NEW
@pytest.mark.parametrize("source", CALLS.values(), ids=CALLS.keys())
def test_a_call_whose_line_was_kept_blocks_no_file(tmp_path, monkeypatch, source):
    """Pyramid keeps the line of each view, as the number and as the text: a save is imported if the line moves."""
    venusian = types.ModuleType("venusian")
    exec(compile(DECORATORS, "<venusian>", "exec"), vars(venusian))
    monkeypatch.setitem(sys.modules, "venusian", venusian)
    imported = Imported(tmp_path, f"import sys\n{source}\ndef last(): return 1\n")
    assert imported.swaps.blocked_files() == {}
    assert imported.objection(("last(): return 1", "last(): return 2")) == ""
    assert "lines moved, and " in imported.objection(("import sys", "\nimport sys"))


@NEW
def test_a_warning_that_was_printed_blocks_no_file(tmp_path):
    """The text of a warning has the line that gave it: nothing but the output depends on that."""
    imported = Imported(tmp_path, "import warnings\nwarnings.formatwarning('shown', UserWarning, __file__, 1)\n")
    assert imported.swaps.blocked_files() == {}


@NEW
def test_a_page_in_which_dash_looked_for_a_name_is_swapped(tmp_path):
    """Dash reads each file of its pages to see whether that registers one, before it loads it."""
    look = "exec('open(page).close()', {'page': __file__, '__name__': 'dash._pages'})"
    imported = Imported(tmp_path, f"{look}\ndef layout(): return 1\n")
    assert imported.swaps.blocked_files() == {}
    edit = ("return 1", "return 2")
    assert imported.objection(edit) == ""
    Path(imported.path).write_text(imported.source.replace(*edit), encoding="utf-8")
    assert imported.swaps.changed_data() == ""


@NEW
def test_a_commit_changes_what_the_import_has_read(tmp_path):
    """An import that has asked git would read something else after a commit."""
    log = tmp_path / ".git" / "logs" / "HEAD"
    log.parent.mkdir(parents=True)
    log.write_text("one\n")
    monitor = ImportMonitor(lambda path: path.startswith(str(tmp_path)))
    monitor.begin()
    try:
        sys.audit("subprocess.Popen", "git", ["git", "rev-parse", "HEAD"], str(tmp_path), None)
    finally:
        monitor.end()
    assert monitor.changed_data() == ""
    log.write_text("one\ntwo\n")
    assert monitor.changed_data() == str(log)


STACK = {
    "a frame": "import sys\ndef f(): return sys._getframe(1).f_lineno\nx = f()",
    "the current frame": "import inspect\nx = inspect.currentframe().f_lineno",
    "an exception": "import sys\ndef f():\n    try: raise ValueError\n"
    "    except ValueError: return sys.exc_info()[2].tb_frame.f_back.f_lineno\nx = f()",
    "a traceback": "import inspect\ntry: 1 / 0\n"
    "except ZeroDivisionError as error: x = inspect.getinnerframes(error.__traceback__, 0)[0].lineno",
    "the threads": "import sys, threading\nx = sys._current_frames()[threading.get_ident()].f_lineno",
}


@NEW
@pytest.mark.parametrize("source", STACK.values(), ids=STACK.keys())
def test_lines_must_not_move_where_the_stack_was_looked_at(tmp_path, source):
    """A frame knows its line: a project that looks at the stack may keep lines; others' frames are named tuples'."""
    imported = Imported(tmp_path, f"{source}\ndef g(): return 1\n")
    assert imported.objection(("g(): return 1", "g(): return 2")) == ""
    assert "looked at the stack" in imported.objection(("import", "\nimport"))
    named = Imported(tmp_path, "import collections\nx = collections.namedtuple('x', 'a')\n")
    assert named.monitor.frames == ""
    assert named.objection(("import", "\nimport")) == ""


@NEW
def test_a_packages_hooks_of_forks_do_not_matter(tmp_path):
    """A package registers locks of its own: no function of the project runs in a fork."""
    imported = Imported(
        tmp_path, "import sys\nsys.modules.pop('concurrent.futures.thread', 0)\nimport concurrent.futures.thread\n"
    )
    assert imported.monitor.failed == ""
    assert Imported(tmp_path, "import os\nx = os.register_at_fork\n").module.x is not os.register_at_fork
    assert "built-in" in repr(os.register_at_fork)


BLIND = {
    "an audit hook": "import sys\nhooks = [lambda *_: None]\nsys.addaudithook(lambda *_: None)",
    "a tracer": "import sys\nsys.settrace(None)",
    "a profiler": "import sys\nsys.setprofile(None)",
    "a monitor": "import sys\nsys.monitoring.use_tool_id(2, 'x')\n"
    "sys.monitoring.register_callback(2, 1, lambda *_: None)\nsys.monitoring.free_tool_id(2)",
    "a thief": "import sys\nsys.monitoring.free_tool_id(4)",
    "a mute": "import sys\nsys.monitoring.set_events(4, 0)",
    "all objects": "import gc\ngc.get_objects()",
    "hidden objects": "import gc\ngc.freeze()",
    "a hook of forks": "import os\ndef f(): pass\nos.register_at_fork(after_in_parent=f)",
    "a hook of forks that is no function": "import os\nos.register_at_fork(after_in_parent=list)",
    "a bad event": "import sys\nsys.audit('open')",
}


@NEW
@pytest.mark.parametrize("source", BLIND.values(), ids=BLIND.keys())
def test_a_project_that_blinds_the_monitor_ends_all_swaps(tmp_path, source):
    """If the monitor may have missed something, each file is blocked, and the project goes on."""
    try:
        imported = Imported(tmp_path, source)
        assert imported.monitor.failed
        assert imported.swaps.blocked_files() == {imported.path: imported.monitor.failed}
    finally:
        MONITORING.free_tool_id(4)


@NEW
def test_a_monitor_leaves_nothing_behind(tmp_path):
    """After its end, no tool is registered, and code that runs is not seen; another monitor can begin."""
    imported = Imported(tmp_path, "def f(): pass\n")
    assert MONITORING.get_tool(4) is None
    imported.module.f()
    imported.module.f.__code__  # noqa: B018
    assert {code.co_name for code in imported.monitor.started.values()} == {"<module>"}
    assert imported.monitor.pinned == {}
    assert Imported(tmp_path, "def f(): pass\nf()\n").monitor.failed == ""


@NEW
def test_a_monitor_that_fails_is_not_seen_by_the_project(tmp_path):
    """An error in the monitor is not raised by the project's code; it ends the swaps."""

    def is_project_path(path):
        raise OSError("away")

    monitor = ImportMonitor(is_project_path)
    monitor.begin()
    path = tmp_path / "seen.py"
    path.write_text("", encoding="utf-8")
    path.open().close()
    monitor.end()
    assert "away" in monitor.failed


@NEW
def test_no_free_tool_is_a_failure(tmp_path):
    """If other tools use all of sys.monitoring, nothing is monitored, and theirs stay."""
    for number in (3, 4):
        MONITORING.use_tool_id(number, "theirs")
    try:
        imported = Imported(tmp_path, "x = 1\n")
        assert imported.swaps.blocked_files()[imported.path] == "other tools use all of sys.monitoring"
        assert MONITORING.get_tool(4) == "theirs"
    finally:
        for number in (3, 4):
            MONITORING.free_tool_id(number)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="an older Python's")
def test_an_older_python_swaps_nothing(tmp_path):
    """Without sys.monitoring nothing is known of what ran, so nothing is swapped."""
    imported = Imported(tmp_path, textwrap.dedent("def f(): return 1\n"))
    assert imported.swaps.blocked_files() == {imported.path: TOO_OLD}
    assert imported.objection(("1", "2")) == TOO_OLD
