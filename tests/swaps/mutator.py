"""Edit a source as people and tools do, at random: what is inside of functions more often than what is not.

Edits are made to the text, by the positions of the syntax tree, so that all else keeps its lines. Whether a result is
Python is seen when it is compiled. The standard library alone.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from typing import Any

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
STATEMENTS = (
    "pass",
    "import json",
    "from os import *",
    "new_name = 1",
    "new_name = new_other = [1, 2.0, True, -0.0, None]",
    "self.new_attribute = 1",
    "del self",
    "global NEW_GLOBAL; NEW_GLOBAL = 2",
    "nonlocal outer_name",
    "return None",
    "return locals()",
    "raise ValueError('new')",
    "yield 1",
    "yield from ()",
    "await later()",
    "def new_inner(a=1, *b, c: int = 2, **d) -> str: return a",
    "new_lambda = lambda a=1: a + 1",
    "class NewInner: x = 1",
    "[each for each in range(3)]",
    "new_set = {1, 2} | {each for each in (1, 2)}",
    "print(f'{1 + 1!r:>{2}}', end='')",
    "assert 1, 'new'",
    "if (new_name := 1): pass",
    "super().__init__()",
    "__class__",
    "new_name: int = 1",
    "try: pass\n{indent}except* ValueError: pass",
    "with open('/dev/null') as new_file: pass",
    "match 1:\n{indent}    case 1: pass\n{indent}    case [int(), *rest]: pass",
    "async def new_coroutine(): pass",
    "'a string'",
    "x = 1 if 1.0 == True else ()",
    "type New[T] = list[T]",
    "def new_generic[T: int](x: T) -> T: return x",
)
DEFINITIONS = (
    "def new_function(x=1):\n{indent}    return x\n",
    "class NewClass:\n{indent}    def method(self): pass\n",
    "NEW_NAME = 1\n",
    "new_lambda = lambda: 1\n",
    "async def new_coroutine(): pass\n",
    "@staticmethod\n{indent}def new_static(): pass\n",
)
CONSTANTS = (
    "1",
    "1.0",
    "True",
    "-0.0",
    "0.0",
    "0",
    "'new'",
    "b'new'",
    "None",
    "300",
    "(1, 2)",
    "(1, 2.0)",
    "...",
    "1j",
)


class Mutator:
    """Makes edits of one source."""

    def __init__(self, source: str, random_numbers: random.Random) -> None:
        self.random = random_numbers
        self.text = source.encode()
        self._read()

    def mutate(self) -> tuple[str, str]:
        """The source after one to three edits, and their names."""
        start = self.text
        names = []
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            edit: Callable[[Mutator], bool] = self.random.choices(self.EDITS, self.WEIGHTS)[0]
            before = self.text
            try:
                if edit(self):
                    self._read()
                    names.append(edit.__name__)
            except (SyntaxError, ValueError, IndexError, RecursionError):
                self.text = before
                self._read()
        result, self.text = self.text.decode(errors="surrogateescape"), start
        self._read()
        return result, "+".join(names)

    def _read(self) -> None:
        tree: Any = ast.parse(self.text)
        self.starts = [0]
        for line in self.text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
        self.inside = [each for node in self.functions for statement in node.body for each in ast.walk(statement)]
        self.nodes: list[Any] = list(ast.walk(tree))
        self.blocks = [node.body for node in self.nodes if isinstance(getattr(node, "body", None), list)]
        self.bodies = [node.body for node in self.functions]

    def _place(self, *, inside: bool) -> list[Any]:
        return self.inside if inside and self.inside else self.nodes

    def _span(self, node: Any) -> tuple[int, int]:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        return self.starts[first - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _replace(self, start: int, end: int, text: str) -> bool:
        self.text = self.text[:start] + text.encode() + self.text[end:]
        return True

    def _some(self, kind: type | tuple[type, ...], *, inside: bool | None = None) -> Any:
        found = [
            each for each in self._place(inside=self._mostly() if inside is None else inside) if isinstance(each, kind)
        ]
        return self.random.choice(found)

    def _mostly(self) -> bool:
        return self.random.random() < 0.8

    def constant(self) -> bool:
        node = self._some(ast.Constant)
        return self._replace(*self._span(node), self.random.choice(CONSTANTS))

    def operator(self) -> bool:
        node = self._some((ast.BinOp, ast.BoolOp, ast.Compare, ast.UnaryOp))
        start, end = self._span(node)
        return self._replace(start, end, f"({self.text[start:end].decode()}, 1)")

    def name(self) -> bool:
        node = self._some(ast.Name)
        return self._replace(*self._span(node), self.random.choice(["len", "self", "new_name", "None", "int"]))

    def attribute(self) -> bool:
        node = self._some(ast.Attribute)
        _, end = self._span(node)
        return self._replace(end, end, "_new")

    def statement(self) -> bool:
        block = self.random.choice(self.bodies if self._mostly() and self.bodies else self.blocks)
        node = self.random.choice(block)
        start = self.starts[node.lineno - 1]
        if (
            node.col_offset != len(self.text[start : start + node.col_offset])
            or self.text[start : start + node.col_offset].strip()
        ):
            return False
        if getattr(node, "decorator_list", None):
            start = self.starts[node.decorator_list[0].lineno - 1]
        indent = " " * node.col_offset
        text = self.random.choice(STATEMENTS).replace("{indent}", indent)
        return self._replace(start, start, f"{indent}{text}\n")

    def removal(self) -> bool:
        block = self.random.choice(self.bodies if self._mostly() and self.bodies else self.blocks)
        node = self.random.choice(block)
        return self._replace(*self._span(node), "pass")

    def exchange(self) -> bool:
        block = self.random.choice(self.bodies if self._mostly() and self.bodies else self.blocks)
        index = self.random.randrange(len(block) - 1)
        (a, b), (c, d) = self._span(block[index]), self._span(block[index + 1])
        text = self.text
        self.text = text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
        return True

    def repetition(self) -> bool:
        node = self._some(FUNCTIONS, inside=False)
        start, end = self.starts[node.lineno - 1], self._span(node)[1]
        return self._replace(end, end, "\n" + self.text[start:end].decode())

    def definition(self) -> bool:
        block = self.random.choice(self.blocks)
        node = self.random.choice(block)
        if node.col_offset % 4 or self.text[self.starts[node.lineno - 1] :][: node.col_offset].strip():
            return False
        indent = " " * node.col_offset
        text = self.random.choice(DEFINITIONS).replace("{indent}", indent)
        start = self.starts[min([node.lineno, *(x.lineno for x in getattr(node, "decorator_list", ()))]) - 1]
        return self._replace(start, start, indent + text)

    def argument(self) -> bool:
        node = self._some(ast.arg, inside=False)
        _, end = self._span(node)
        return self._replace(
            end, end, self.random.choice(["_new", ": int", "=1", ", new_argument", ", /", "=None", ", *, new_key=1"])
        )

    def decorator(self) -> bool:
        node = self._some((*FUNCTIONS, ast.ClassDef), inside=False)
        if node.decorator_list and self.random.random() < 0.5:
            first = self.random.choice(node.decorator_list)
            return self._replace(*self._span(first), "(lambda new: new)")
        start = self.starts[node.lineno - 1]
        return self._replace(start, start, f"{' ' * node.col_offset}@(lambda new: new)\n")

    def docstring(self) -> bool:
        node = self._some((*FUNCTIONS, ast.ClassDef, ast.Module), inside=False)
        if ast.get_docstring(node, clean=False) is not None:
            return self._replace(*self._span(node.body[0]), self.random.choice(['"""New."""', "pass", "f'{1}'", "b''"]))
        first = node.body[0]
        start = self._span(first)[0]
        return self._replace(start, start, '"""New."""; ')

    def lines(self) -> bool:
        line = self.random.randrange(len(self.starts))
        count = self.random.choice((1, 1, 1, 2, 5, 250))
        return self._replace(
            self.starts[line], self.starts[line], self.random.choice(["\n", "# new\n", "    # new\n"]) * count
        )

    def gap(self) -> bool:
        node = self._some((ast.Call, ast.Tuple, ast.List))
        end = self._span(node)[1] - 1
        return self._replace(end, end, "\n")

    def rename(self) -> bool:
        node = self._some((*FUNCTIONS, ast.ClassDef), inside=False)
        start = self.text.index(node.name.encode(), self.starts[node.lineno - 1])
        return self._replace(start, start, "new_")

    def annotation(self) -> bool:
        node = self._some(FUNCTIONS, inside=False)
        if node.returns is not None:
            return self._replace(*self._span(node.returns), "'New'")
        body = self._span(node.body[0])[0]
        colon = self.text.rindex(b"):", self.starts[node.lineno - 1], body)
        return self._replace(colon + 1, colon + 1, " -> int")

    def deletion(self) -> bool:
        node = self._some((*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign), inside=False)
        return self._replace(*self._span(node), "pass")

    def asynchronous(self) -> bool:
        node = self._some(ast.FunctionDef, inside=False)
        start = self.starts[node.lineno - 1] + node.col_offset
        return self._replace(start, start, "async ")

    EDITS = (
        constant,
        operator,
        name,
        attribute,
        statement,
        removal,
        exchange,
        repetition,
        definition,
        argument,
        decorator,
        docstring,
        lines,
        gap,
        rename,
        annotation,
        deletion,
        asynchronous,
    )
    WEIGHTS = (12, 8, 8, 6, 20, 8, 5, 1, 2, 2, 2, 2, 10, 4, 1, 1, 1, 1)
