"""The hashes of modules: the same for the same files, others for whatever differs, and without running any code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from appliance.worker.hooks import Hooks
from appliance.worker.snapshot.fingerprints.fingerprint import APPLICATION, Fingerprint, differences, fingerprint

START = '''
import functools, dataclasses, enum, collections, re

LIMIT = 10
WORDS = ["a", "b"]
BY_NAME = {"a": 1, "b": 2}
TAGS = {"x", "y"}
PATTERN = re.compile("a+")

def plain(one, two=2, *, three=3):
    """Add."""
    return one + two + three

def outer(factor):
    def inner(value):
        return value * factor
    return inner

doubled = outer(2)
first = functools.partial(plain, 1)
BY_NAME["plain"] = plain

@functools.lru_cache(maxsize=10)
def cached(key):
    return key

class Base:
    kind = "base"
    def method(self):
        return 1
    @property
    def shown(self):
        return "shown"
    @classmethod
    def make(cls):
        return cls()
    @staticmethod
    def still():
        return 3

class Child(Base):
    __slots__ = ("held",)
    def __init__(self):
        self.held = 5

@dataclasses.dataclass
class Point:
    x: int
    y: int = 0

class Color(enum.Enum):
    RED = 1

child = Child()
point = Point(1)
named = collections.namedtuple("named", "a b")(1, 2)
'''
CHANGES = {
    "an instruction": ("one + two", "one - two", "plain"),
    "a constant of a function": ("return 3", "return 4", "Base"),
    "an equal constant of another type": ("return 1\n", "return 1.0\n", "Base"),
    "a default": ("two=2", "two=3", "plain"),
    "a default by name": ("three=3", "three=4", "plain"),
    "a docstring": ('"""Add."""', '"""Add it."""', "plain"),
    "a line": ("def outer", "\ndef outer", "outer"),
    "a closure": ("outer(2)", "outer(3)", "doubled"),
    "a bound argument": ("partial(plain, 1)", "partial(plain, 2)", "first"),
    "a number": ("LIMIT = 10", "LIMIT = 11", "LIMIT"),
    "an item of a list": ('["a", "b"]', '["a", "c"]', "WORDS"),
    "the order of a list": ('["a", "b"]', '["b", "a"]', "WORDS"),
    "an item of a dictionary": ('"b": 2}', '"b": 3}', "BY_NAME"),
    "an item of a set": ('"x", "y"', '"x", "z"', "TAGS"),
    "a pattern": ('"a+"', '"b+"', "PATTERN"),
    "a size of a cache": ("maxsize=10", "maxsize=11", "cached"),
    "an attribute of a class": ('kind = "base"', 'kind = "other"', "Base"),
    "a property": ('return "shown"', 'return "hidden"', "Base"),
    "a class method": ("return cls()", "return cls", "Base"),
    "a base": ("class Child(Base)", "class Child(Base, object)", "Child"),
    "a field": ("y: int = 0", "y: int = 1", "Point"),
    "an annotation": ("x: int", "x: str", "Point"),
    "a member": ("RED = 1", "RED = 2", "Color"),
    "a slot of an instance": ("self.held = 5", "self.held = 6", "child"),
    "an attribute of an instance": ("Point(1)", "Point(2)", "point"),
    "an item of a named tuple": ("(1, 2)", "(1, 3)", "named"),
    "a new name": ("LIMIT = 10", "LIMIT = 10; MORE = 1", "MORE"),
    "a decorator": ("def plain", "@functools.wraps(print)\ndef plain", "plain"),
}

Make = Callable[..., ModuleType]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Run a source as a module."""

    def made(source: str, name: str = "shop") -> ModuleType:
        module = ModuleType(name)
        module.__file__ = f"/project/{name}.py"
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, module.__file__, "exec"), module.__dict__)
        return module

    return made


def hashes(name: str = "shop") -> dict[str, str]:
    return {each: digest.hex() for each, digest in Fingerprint([name]).digests[name].items()}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_seen_and_named(change: str, make: Make) -> None:
    """Each difference changes the hash of the module and of the name."""
    make(START)
    before, whole = hashes(), fingerprint(["shop"])
    old, new, name = CHANGES[change]
    assert START.count(old) >= 1
    make(START.replace(old, new, 1))
    assert name in differences(before, hashes())
    assert "shop" in differences(whole, fingerprint(["shop"]))


def test_the_same_source_gives_the_same_hashes(make: Make) -> None:
    """Two runs of one source are the same, at whatever addresses."""
    make(START)
    before, kept = fingerprint(["shop"]), sys.modules["shop"]
    make(START)
    assert sys.modules["shop"] is not kept
    assert differences(before, fingerprint(["shop"])) == []


UNSTABLE = {
    "an address": "class A: pass\nTEXT = f'<A at {id(A()):#x}>'\nNUMBER = id(A())",
    "a key of addresses": "class A: pass\nkept = [A() for _ in range(9)]\nBY_ID = {id(each): 'a' for each in kept}",
    "a time": "import time, datetime\nA, B, C = time.time(), time.time_ns(), datetime.datetime.now()",
    "a shown time": "import datetime\nA = f'began {datetime.datetime.now()}'\nB = datetime.datetime.now().isoformat()",
    "a random text": "import secrets as s, uuid\nA, B, C = s.token_hex(16), s.token_bytes(16), str(uuid.uuid4())",
    "a random state": "import random\nA = random.Random()",
    "a long number": "import uuid\nA = uuid.uuid4()\nB = uuid.uuid4().int",
    "a lock": "import threading\nA, B = threading.Lock(), threading.local()",
    "a weak reference": "import weakref\nclass A: pass\nA.kept = A()\nB, C = weakref.ref(A.kept), weakref.WeakSet([A])",
    "a cycle": "class A: pass\na = A(); a.other = A(); a.other.other = a\nb = a.other\nlist_ = []; list_.append(list_)",
}


@pytest.mark.parametrize("kind", UNSTABLE)
def test_what_no_two_imports_agree_on_is_left_out(kind: str, make: Make) -> None:
    """Two runs of one source are the same, although their values are not."""
    make(UNSTABLE[kind])
    before, kept = hashes(), sys.modules["shop"]
    junk = [object() for _ in range(1000)]  # takes the addresses that are free
    make(UNSTABLE[kind])
    assert differences(before, hashes()) == []
    assert sys.modules["shop"] is not kept
    assert junk


def test_the_number_of_the_process_is_a_number(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constant, or a class's line, that happens to be this process's number is hashed as in any other process."""
    number = os.getpid()
    make(f"A = {number}\nclass B: LINE = {number}")
    before = hashes()
    monkeypatch.setattr(os, "getpid", lambda: number + 1)
    assert differences(before, hashes()) == []


LAZY = """
class Fails(Exception):
    pass

def fail(*given):
    raise Fails(given)

class Meta(type):
    __hash__ = __eq__ = __call__ = fail
    __module__ = property(fail)
    def __getattr__(cls, name):
        fail(name)

class Lazy:
    __class__ = property(fail)
    __dict__ = property(fail)
    for name in ("repr", "str", "eq", "hash", "len", "iter", "getattr", "getattribute", "bool", "call", "dir", "index"):
        locals()[f"__{name}__"] = fail

class Items(dict, metaclass=type("Other", (type,), {})):
    items = keys = values = __iter__ = __getitem__ = __len__ = fail

class Texts(str):
    __str__ = __len__ = encode = fail

class Slotted:
    __slots__ = ("unset",)

lazy = Lazy()
items = Items(a=1)
texts = Texts("x")
slotted = Slotted()
held = [lazy, {"lazy": lazy}]
hostile = type.__call__(Meta, "Hostile", (), {})
made = object.__new__(hostile)
prop = property(fail)
"""


def test_no_code_of_the_project_runs(make: Make) -> None:
    """Objects that fail at any use, and classes of such a class, are hashed without being used."""
    module = make(LAZY)
    found = hashes()
    assert {"lazy", "items", "texts", "slotted", "held", "hostile", "made"} <= set(found)
    dict.update(module.items, a=2)
    assert differences(found, hashes()) == ["items"]


def test_the_application_of_a_factory_is_compared(make: Make) -> None:
    """The application counts, although no module has a name for it."""

    class Routes:
        def __init__(self) -> None:
            self.rules = ["/"]

    make("A = 1")
    application = Routes()
    before = fingerprint(["shop"], application)
    application.rules.append("/new")
    assert differences(before, fingerprint(["shop"], application)) == [APPLICATION]


def test_a_registry_of_a_package_is_compared(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that the project registers with a package count, and are named by the package's module."""
    registry: Any = ModuleType("flask.signals")
    registry.receivers = []
    monkeypatch.setitem(sys.modules, "flask.signals", registry)
    make("def note(): pass")
    before = fingerprint(["shop"])
    registry.receivers.append(sys.modules["shop"].note)
    assert differences(before, fingerprint(["shop"])) == ["flask.signals"]


def test_our_hooks_count_by_their_kind(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our hooks in libraries have a state of their own, which does not count for the project."""
    registry: Any = ModuleType("django.db.backends.signals")
    monkeypatch.setitem(sys.modules, "django.db.backends.signals", registry)
    make("def note(): pass")
    hooks = Hooks()
    registry.receivers = [hooks.guarded("connections", print, otherwise=None), hooks.report, hooks]
    before = fingerprint(["shop"])
    hooks.dropped.add("connections")
    assert differences(before, fingerprint(["shop"])) == []
    registry.receivers.pop()
    assert differences(before, fingerprint(["shop"])) == ["django.db.backends.signals"]


def test_classes_of_packages_count_by_their_name(make: Make) -> None:
    """The attributes of a package's class are not compared, but instances of it are."""
    make("class Field:\n    size = 1\n", "package")
    make("from package import Field\nfield = Field()\nfield.name = 'a'")
    before = hashes()
    sys.modules["package"].Field.size = 2
    assert differences(before, hashes()) == []
    sys.modules["shop"].field.name = "b"
    assert differences(before, hashes()) == ["field"]


def test_a_chain_of_any_length_has_a_hash(make: Make) -> None:
    """A chain of any length has a hash."""
    make("chain = None\nfor _ in range(100_000):\n    chain = [chain]\n")
    assert hashes()["chain"]
