"""A project that somebody works on, and what it must answer after each edit."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

APP = '''
"""The application: what every part of the project holds, as one line."""

import json, os, pathlib, shop

PAGE = pathlib.Path(__file__).parent / "templates" / "page.html"
KEPT = PAGE.read_text()  # kept, as frameworks do

def app(environ, start_response):
    said = {**shop.PARTS, **shop.told(), "page": KEPT, "key": os.environ.get("DESK_KEY")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said, sort_keys=True).encode()]
'''
COLLECT = '''
"""The parts: every module that lies here."""

import importlib, pkgutil

def collect():
    found = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"shop.{name}").VALUE for name in found}

PARTS = collect()

def told():
    modules = [importlib.import_module(f"shop.{name}") for name in PARTS]
    return {module.told.__module__ + "()": module.told() for module in modules if hasattr(module, "told")}
'''
BREAKING = (
    "def broken(:\n",
    "raise RuntimeError('broken')\n",
    "import a_module_that_nobody_has\n",
    "import os\nos._exit(3)\n",
    "raise SystemExit(4)\n",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
)


class EditedProject:
    """The project, and what is in it.

    Args:
        root: its folder, to be made.
        chance: decides what is edited.
        functions: the modules have functions, and most edits are inside of them.
        only: "body" or "top": no other edits are made than these.
    """

    def __init__(self, root: Path, chance: random.Random, *, functions: bool = False, only: str = "") -> None:
        self.root = root
        self._chance = chance
        self._functions = functions
        self._only = only
        self._told: dict[str, int] = {}  # what each module's function returns
        self._values = {"alpha": 10_000, "beta": 10_000, "gamma": 10_000}
        self._page = "page 0"
        self._key = "one"
        self._broken = ""  # the module that is, if one is
        self._number = 10_000
        (root / "shop").mkdir(parents=True)
        (root / "templates").mkdir()
        self._save(root / "app.py", APP)
        self._save(root / "shop/__init__.py", COLLECT)
        self._save(root / "templates/page.html", self._page)
        self._save(root / ".env", f"DESK_KEY={self._key}\n")
        for name in self._values:
            self._write(name)

    def answer(self) -> tuple[int, str]:
        """The status that must be answered, and the body where that is 200."""
        if self._broken:
            return 500, ""
        told = {f"shop.{name}()": self._told[name] for name in self._values if name in self._told}
        said = {**self._values, **told, "page": self._page, "key": self._key}
        return 200, json.dumps(said, sort_keys=True)

    def edit(self) -> str:
        """One edit; its kind."""
        if self._broken:
            self.repair()
            return "repair"
        edits: list[tuple[Callable[[], None], int]] = [
            (self.value, 50), (self.template, 8), (self.variable, 4), (self.add_module, 6), (self.delete_module, 6),
            (self.rename, 6), (self.repeat_edit, 6), (self.break_import, 14),
        ]  # fmt: skip
        if self._functions:
            edits.append((self.body, 200))
        if self._only:
            edits = [(self.body if self._only == "body" else self.top, 1)]
        chosen = self._chance.choices([each for each, _ in edits], [weight for _, weight in edits])[0]
        chosen()
        return chosen.__name__

    def value(self) -> None:
        """Another value, of the same length."""
        name = self._chance.choice(sorted(self._values))
        self._values[name] = self._next()
        self._write(name)

    def top(self) -> None:
        """Another value of a module that is imported late, mostly of the same one."""
        name = self._chance.choices(sorted(self._values)[-2:], [1, 60])[0]
        self._values[name] = self._next()
        self._write(name)

    def body(self) -> None:
        """Another body of a function, of the same length."""
        name = self._chance.choice(sorted(self._values))
        self._told[name] = self._next()
        self._write(name)

    def template(self) -> None:
        """Another template."""
        self._page = f"page {self._next()}"
        self._save(self.root / "templates/page.html", self._page)

    def variable(self) -> None:
        """Another variable."""
        self._key = f"key{self._next()}"
        self._save(self.root / ".env", f"DESK_KEY={self._key}\n")

    def add_module(self) -> None:
        """A module that is new."""
        name = f"new{self._next()}"
        self._values[name] = self._next()
        self._write(name)

    def delete_module(self) -> None:
        """One that is deleted."""
        name = self._spare()
        del self._values[name]
        self._file(name).unlink()

    def rename(self) -> None:
        """One that has another name."""
        name = self._spare()
        other = f"also{self._next()}"
        self._values[other] = self._values.pop(name)
        if name in self._told:
            self._told[other] = self._told.pop(name)
        self._file(name).rename(self._file(other))

    def repeat_edit(self) -> None:
        """The same once more."""
        self._write(self._chance.choice(sorted(self._values)))

    def break_import(self) -> None:
        """Something that can't be imported."""
        self._broken = self._chance.choice(sorted(self._values))
        self._save(self._file(self._broken), self._chance.choice(BREAKING))

    def repair(self) -> None:
        """Write the code as it was before it was broken; if it was not broken, change it."""
        broken, self._broken = self._broken, ""
        if broken:
            self._write(broken)
        else:
            self.value()

    def _spare(self) -> str:
        if len(self._values) < 4:
            self.add_module()
        return self._chance.choice(sorted(self._values.keys() - {"alpha"}))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _file(self, name: str) -> Path:
        return self.root / "shop" / f"{name}.py"

    def _write(self, name: str) -> None:
        if self._functions:
            self._told.setdefault(name, 10_000)
        function = f"\ndef told():\n    return {self._told[name]}\n" if name in self._told else ""
        self._save(self._file(name), f"VALUE = {self._values[name]}\n{function}")

    def _save(self, file: Path, text: str) -> None:
        """By one of the ways in which editors save."""
        way = self._chance.randrange(3)
        if way == 0 or not file.exists():
            file.write_text(text, encoding="utf-8")
        elif way == 1:
            aside = file.with_name(f".{file.name}.new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(file)
        else:
            shutil.move(file, file.with_name(file.name + "~"))
            file.write_text(text, encoding="utf-8")
            file.with_name(file.name + "~").unlink()
