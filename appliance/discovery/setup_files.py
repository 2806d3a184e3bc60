"""Read ``setup.cfg`` and ``setup.py`` without running them; the only module that does so.

Discovery, dependencies and the choice of a Python take their facts from here. Runs in the supervisor and in commands.

``setup.py`` is a program. Its call of ``setup()`` is read if it is written with literals, names bound to literals, and
the usual ways to read a requirements file. Everything else stays unknown: running the file would run the project's code
before it can be stopped, and setuptools writes files beside it. For a file in Python 2 syntax, the name and the version
are taken from its text.
"""

from __future__ import annotations

import ast
import configparser
import re
from typing import TYPE_CHECKING, Any

from appliance.identity.regular_file import read_regular
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from pathlib import Path

_TEXT_FACT = r"""\b{}[ \t]{{0,80}}=[ \t]{{0,80}}["']([\w.\- ]{{1,200}})["']"""
_CALLED = re.compile(r"\bsetup[ \t]{0,80}\(")
_OBJECT = re.compile(r"[\w.]+(?:[ \t]*:[ \t]*[\w.]+)?(?:[ \t]*\[[\w, \t-]*\])?\Z")
_FILE = re.compile(r"[\w./-]{1,200}\.(?:txt|in)\Z|(?=.{0,200}require)[\w./-]{1,200}\.pip\Z")


class Setup(Record):
    """The facts in the files; None for facts that only running them would show.

    Attributes:
        requires: requirement lines, and ``-r FILE`` for a file that setup.py reads them from.
        extras: the same for each extra.
        entry_points: group to name to value.
        package_root: where the packages lie, relative to the files.
        compiled: whether it builds extension modules.
    """

    name: str = ""
    version: str = ""
    requires: tuple[str, ...] | None = ()
    extras: dict[str, tuple[str, ...]] = made_default(default_factory=dict)
    entry_points: dict[str, dict[str, str]] = made_default(default_factory=dict)
    package_root: str = ""
    compiled: bool = False
    python: str = ""


def read_setup(folder: Path) -> Setup | None:
    """Return the facts of both files, those of setup.py first; None if neither has any.

    Raises:
        OSError: one of them is there and can't be read.
    """
    configured = _configured(folder / "setup.cfg")
    called = _called(folder / "setup.py")
    if configured is None or called is None:
        return configured or called
    requires = called.requires if called.requires is None or called.requires else configured.requires
    return Setup(
        called.name or configured.name,
        called.version or configured.version,
        requires,
        called.extras or configured.extras,
        called.entry_points or configured.entry_points,
        called.package_root or configured.package_root,
        called.compiled,
        called.python or configured.python,
    )


def _configured(file: Path) -> Setup | None:
    if not file.is_file():
        return None
    parser = configparser.RawConfigParser(delimiters=("=", ":"))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names of entry points have a case
    try:
        parser.read_string(_text(file))
    except configparser.Error:
        return None
    if not any(re.match(r"(?:metadata|options)(?:\.|\Z)", name) for name in parser.sections()):
        return None  # a file of linters' settings

    def text(section: str, *keys: str) -> str:
        return next((found for key in keys if (found := parser.get(section, key, fallback="").strip())), "")

    def section(name: str) -> dict[str, str]:
        return dict(parser.items(name)) if parser.has_section(name) else {}

    named = re.match(r"file:\s*(.+)", text("options", "install_requires"))
    requires = (
        tuple(f"-r {name.strip()}" for name in named[1].split(","))
        if named
        else lines_of(text("options", "install_requires"))
    )
    root = re.search(r"(?m)^[ \t]*=[ \t]*(\S+)", text("options", "package_dir")) or re.match(
        r"(\S+)", text("options.packages.find", "where")
    )
    return Setup(
        text("metadata", "name"),
        text("metadata", "version"),
        requires,
        {name: lines_of(value) for name, value in section("options.extras_require").items()},
        {group: pairs_of(lines_of(value)) for group, value in section("options.entry_points").items()},
        root[1] if root else "",
        python=text("options", "python_requires", "python-requires"),
    )


def _called(file: Path) -> Setup | None:
    if not file.is_file():
        return None
    text = _text(file)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return unparsed_facts(text)
    call = _call(tree)
    try:
        return _of_call(call, _Reading(tree, file.parent), text) if call else None
    except RecursionError:  # an expression of a thousand parts
        return unparsed_facts(text)


def _of_call(call: ast.Call, reading: _Reading, text: str) -> Setup:
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    for keyword in call.keywords:
        if keyword.arg is None:
            given |= _named(reading.node(keyword.value))

    def value(name: str) -> Any:
        return reading.value(given[name]) if name in given else None

    requires = reading.requires(given["install_requires"]) if "install_requires" in given else ()
    extras = value("extras_require")
    folders = value("package_dir")
    return Setup(
        str(value("name") or _text_fact("name", text)),
        str(value("version") or ""),
        requires,
        {str(key): texts(each) for key, each in extras.items()} if isinstance(extras, dict) else {},
        reading.entry_points(given["entry_points"]) if "entry_points" in given else {},
        str(folders.get("", "")) if isinstance(folders, dict) else "",
        "ext_modules" in given or "rust_extensions" in given or "cffi_modules" in given,
        str(value("python_requires") or ""),
    )


def _call(tree: ast.Module) -> ast.Call | None:
    """Find the call of ``setup()``, of any module, or of a function that passes its arguments on to it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    own = (call for call in calls if _name(call.func).rpartition(".")[2] == "setup")
    wrapped = (call for call in calls if {"name", "version"} <= {keyword.arg for keyword in call.keywords})
    return next(own, None) or next(wrapped, None)


def unparsed_facts(text: str) -> Setup | None:
    """Return the facts of a file that this Python can't parse; only running it would show its dependencies."""
    name = _text_fact("name", text)
    return Setup(name, _text_fact("version", text), None) if name and _CALLED.search(text) else None


def _text_fact(keyword: str, text: str) -> str:
    found = re.search(_TEXT_FACT.format(keyword), text)
    return found[1] if found else ""


def _named(whole: ast.expr) -> dict[str, ast.expr]:
    """Return the arguments of a dict that is passed with ``**``, written either way."""
    if isinstance(whole, ast.Dict):
        pairs = zip(whole.keys, whole.values, strict=True)
        return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
    if isinstance(whole, ast.Call) and _name(whole.func) == "dict":
        return {keyword.arg: keyword.value for keyword in whole.keywords if keyword.arg}
    return {}


class _Reading:
    """A few expressions, and the names that are bound to them in this file.

    A binding under a condition or in a function counts if nothing else binds the name.
    """

    def __init__(self, tree: ast.Module, folder: Path) -> None:
        self._folder = folder
        self._bound: dict[str, list[ast.expr]] = {}
        for name, value in filter(None, map(_binding, tree.body)):
            self._bound.setdefault(name, []).append(value)
        outer = set(self._bound)
        for name, value in filter(None, map(_binding, ast.walk(tree))):
            if name not in outer:
                self._bound.setdefault(name, []).append(value)
        self._open: set[int] = set()

    def node(self, node: ast.expr) -> ast.expr:
        """Resolve a name where it is used: return what was bound to it last before that line."""
        for _ in range(8):
            bound = self._bound.get(node.id) if isinstance(node, ast.Name) else None
            if not bound:
                break
            line = node.lineno
            node = next((each for each in reversed(bound) if each.lineno < line), bound[-1])
        return node

    def value(self, node: ast.expr) -> Any:
        """Return its value; None if it is not one of the few expressions, or refers to itself."""
        node = self.node(node)
        if id(node) in self._open:
            return None
        self._open.add(id(node))
        try:
            return self._value(node)
        finally:
            self._open.discard(id(node))

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            found: list[Any] = []
            for item in node.elts:
                if isinstance(item, ast.Starred):
                    found += self.value(item.value) or ()
                else:
                    found.append(self.value(item))
            return found
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return {self.value(key): self.value(each) for key, each in pairs if key is not None}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.value(node.left), self.value(node.right)
            return left + right if type(left) is type(right) and left is not None else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
            return self._method(node)
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, MemoryError, RecursionError):
            return None

    def _method(self, node: ast.Call) -> Any:
        """Evaluate a text that is split or stripped."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in {"split", "splitlines", "strip"}:
            return None
        text = self.value(node.func.value)
        arguments = [self.value(argument) for argument in node.args]
        if not isinstance(text, str) or not all(isinstance(argument, str) for argument in arguments):
            return None
        return getattr(text, node.func.attr)(*arguments)

    def entry_points(self, node: ast.expr) -> dict[str, dict[str, str]]:
        """Return group to name to value, from a dict of lists or texts, or from the text of an ini file."""
        groups = _named(self.node(node))
        if groups:
            return {group: pairs_of(self._lines_in(lines)) for group, lines in groups.items()}
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # as configparser documents
        try:
            parser.read_string("\n".join(self._lines_in(node)))
        except configparser.Error:
            return {}
        sections = {group: parser.items(group) for group in parser.sections()}
        return {group: pairs_of(tuple(f"{name}={value}" for name, value in items)) for group, items in sections.items()}

    def _lines_in(self, node: ast.expr) -> tuple[str, ...]:
        """Return the lines of a text or a list of texts; if it is computed, the lines of the literals in it."""
        value = self.value(node)
        if isinstance(value, list) and None in value:
            value = None
        written = (each.value for each in ast.walk(self.node(node)) if isinstance(each, ast.Constant))
        found = texts(value) if value is not None else tuple(text for text in written if isinstance(text, str))
        return tuple(line for text in found for line in lines_of(text))

    def requires(self, node: ast.expr) -> tuple[str, ...] | None:
        """Return requirement lines: a value, or the only file that the expression, or what it calls, may read."""
        value = self.value(node)
        if isinstance(value, list | tuple | str) and (isinstance(value, str) or None not in value):
            return lines_of(value) if isinstance(value, str) else texts(value)
        files = [
            found.value
            for found in ast.walk(self.node(node))
            if isinstance(found, ast.Constant) and isinstance(found.value, str) and _FILE.match(found.value)
        ]
        files += [f"requirements/{name}" for name in files]  # a function may add the folder
        files += [name for name in ("requirements.txt", "requirements/base.txt") if not files]
        there = [name for name in files if (self._folder / name).is_file()]
        return (f"-r {there[0]}",) if there else None


def _text(file: Path) -> str:
    return read_regular(file).decode("utf-8-sig", "replace")


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of a list, or the one text; nothing for anything else."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def _binding(node: ast.AST) -> tuple[str, ast.expr] | None:
    """Return the name that a statement binds, and its value; also for ``+=``, ``.extend([..])`` and ``.append(..)``."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        return node.target.id, node.value
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add):
        return node.target.id, _sum(node.target.id, node.value)
    call = node.value if isinstance(node, ast.Expr) else None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and len(call.args) == 1):
        return None
    name, added = call.func.value, call.args[0]
    if not isinstance(name, ast.Name) or call.func.attr not in {"append", "extend"}:
        return None
    more = ast.copy_location(ast.List([added], ast.Load()), added) if call.func.attr == "append" else added
    return name.id, _sum(name.id, more)


def _sum(name: str, more: ast.expr) -> ast.expr:
    before = ast.copy_location(ast.Name(name, ast.Load()), more)
    return ast.copy_location(ast.BinOp(before, ast.Add(), more), more)


def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text that are not empty, without comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def pairs_of(lines: tuple[str, ...]) -> dict[str, str]:
    """Return names and the objects that they refer to; other lines are left out."""
    parts = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, _, value in parts if name.strip() and _OBJECT.match(value.strip())}


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
