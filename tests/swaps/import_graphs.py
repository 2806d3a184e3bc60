"""Random projects whose modules import each other in many ways: circles, late imports, handled errors, choices.

Each module notes when it runs, and registers what it defines, so that any other order of an import is another state.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

STATE = Path(__file__).with_name("state.py")
NAMES = tuple(f"m{number}" for number in range(9))
# It answers with the whole state of its own modules; what shows that is loaded at the first request alone.
APP = f"""
import sys
from shop import notes
FAILED = []
for name in ("m0", "m1", "m2"):
    try:
        __import__("shop." + name)
    except Exception as error:
        FAILED.append((name, type(error).__name__, str(error)))

def state():
    import importlib.util
    root = __file__.rpartition("/")[0] + "/"
    files = {{name: getattr(each, "__file__", None) or "" for name, each in sys.modules.items()}}
    own = {{name: sys.modules[name] for name, file in files.items() if file.startswith(root)}}
    specification = importlib.util.spec_from_file_location("state_of_tests", {str(STATE)!r})
    shown = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(shown)
    found = shown.State(lambda path: path.startswith(root))
    found.lines.append("path " + repr(sys.path))
    for name, each in own.items():
        spec = each.__spec__
        places = spec and list(spec.submodule_search_locations or ())
        found.lines.append(repr((name, each.__file__, each.__name__, each.__package__, spec and spec.name, places,
            spec and spec.origin, spec and getattr(spec, "_initializing", None), type(each.__loader__).__qualname__)))
        found.add("module " + name, dict(found._names(vars(each))))
    locks = sys.modules["_frozen_importlib"]._module_locks
    found.lines.append("locks " + repr(sorted(name for name in locks if name.startswith(("shop", "app")))))
    found.lines.append("called " + repr([attempt(each) for _, each in notes.REGISTRY]))
    return found.lines

def attempt(call):
    try:
        return repr(call()).partition(" at 0x")[0]
    except Exception as error:
        return type(error).__name__ + ": " + str(error)

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [chr(10).join(state()).encode()]
"""
NOTES = """
import threading
ORDER = []
REGISTRY = []
LOCK = threading.RLock()

def registered(function):
    REGISTRY.append((function.__module__, function))
    return function

def failing():
    raise LookupError("within an import")
"""


def project(chance: random.Random) -> dict[str, str]:
    """The files of a project."""
    files = {"app.py": APP, "shop/notes.py": NOTES, "shop/__init__.py": "KINDS = ['shop']\n"}
    if chance.random() < 0.3:
        files["shop/__init__.py"] += f"from . import {chance.choice(NAMES)}\n"
    return files | {f"shop/{name}.py": module(chance, name) for name in NAMES}


def module(chance: random.Random, name: str) -> str:
    """The source of one module."""
    lines = ["from shop import notes", f"notes.ORDER.append(({name!r}, 'begins', __name__))"]
    lines.append(f"VALUE = {chance.randrange(1000)}")
    for number in range(chance.choice([0, 1, 2, 2, 3, 4])):
        lines += chance.choice(_WAYS)(chance.choice([each for each in NAMES if each != name]), number, chance)
    lines += _function(chance)
    lines.append(f"notes.ORDER.append(({name!r}, 'ends', sorted(each for each in globals() if each[0] != '_')))")
    return "\n".join(lines) + "\n"


def _function(chance: random.Random) -> list[str]:
    return [
        "@notes.registered",
        f"def answer(number={chance.randrange(9)}):",
        f"    return (__name__, VALUE, number, {chance.randrange(1000)})",
    ]


def _plain(other: str, _number: int, _chance: random.Random) -> list[str]:
    return [f"import shop.{other}"]


def _beside(other: str, number: int, _chance: random.Random) -> list[str]:
    return [f"from . import {other} as beside{number}"]


def _value(other: str, number: int, chance: random.Random) -> list[str]:
    error = chance.choice(["ImportError", "(ImportError, AttributeError)", "Exception"])
    return [
        "try:", f"    from shop.{other} import VALUE as value{number}",
        f"except {error} as error:", f"    value{number} = type(error).__name__",
    ]  # fmt: skip


def _within_function(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        f"def late{number}():", "    import importlib",
        f"    return importlib.import_module('shop.{other}')", f"LATE{number} = late{number}().__name__",
    ]  # fmt: skip


def _by_name(other: str, number: int, _chance: random.Random) -> list[str]:
    return [f"named{number} = __import__('shop.{other}', fromlist=['VALUE'])"]


def _choice(other: str, number: int, chance: random.Random) -> list[str]:
    return [
        f"if len(notes.ORDER) % {chance.choice([2, 3])}:", f"    from shop import {other} as chosen{number}",
        "else:", f"    chosen{number} = None",
    ]  # fmt: skip


def _after_failure(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        "try:", f"    import no_such_module_{number}", "except ImportError as error:",
        f"    from . import {other} as instead{number}", f"    CONTEXT{number} = str(error)",
    ]  # fmt: skip


def _in_handler(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        "try:", "    notes.failing()", "except LookupError:", "    try:", f"        import shop.{other}",
        "    finally:", "        import sys", f"        HANDLED{number} = str(sys.exc_info()[1])",
    ]  # fmt: skip


def _in_class(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        f"class Kind{number}:", f"    from shop import {other} as inner", "    value = getattr(inner, 'VALUE', None)",
        f"notes.REGISTRY.append((__name__, Kind{number}))",
    ]  # fmt: skip


def _with_lock(other: str, _number: int, _chance: random.Random) -> list[str]:
    return ["with notes.LOCK:", f"    import shop.{other}", "    HELD = notes.LOCK._is_owned()"]


def _stars(other: str, _number: int, _chance: random.Random) -> list[str]:
    return ["try:", f"    from shop.{other} import *", "except ImportError:", "    pass"]


def _in_generator(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        f"def each{number}():", "    yield 1", f"    import shop.{other}", "    yield 2",
        f"EACH{number} = sum(each{number}())", f"PAUSED{number} = each{number}()", f"next(PAUSED{number})",
    ]  # fmt: skip


def _lazy(other: str, _number: int, _chance: random.Random) -> list[str]:
    return [
        "def __getattr__(name):", "    if name != 'LAZY':", "        raise AttributeError(name)",
        f"    from shop import {other}", f"    return {other}.__name__",
        "import sys", "try:", "    FROM_LAZY = sys.modules[__name__].LAZY",
        "except ImportError:", "    FROM_LAZY = None",
    ]  # fmt: skip


def _fails_once(other: str, number: int, _chance: random.Random) -> list[str]:
    return [
        f"notes.ORDER.append((__name__, {number}))", f"if notes.ORDER.count((__name__, {number})) == 1:",
        f"    raise ImportError('the first time, before shop.{other}')", f"import shop.{other}",
    ]  # fmt: skip


_Way = Callable[[str, int, random.Random], list[str]]
_WAYS: tuple[_Way, ...] = (
    _plain, _plain, _beside, _value, _value, _within_function, _by_name, _choice, _after_failure, _in_handler,
    _in_class, _with_lock, _stars, _in_generator, _lazy, _fails_once,
)  # fmt: skip
