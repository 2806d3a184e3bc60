"""Change Python sources at random, as an editor's saves do: bodies, signatures, constants, lines, whole functions."""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Callable, Iterator, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef
Mutation = Callable[[ast.Module, list[str], random.Random], bool]

_OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "+"), ast.Gt: (">", ">="), ast.Lt: ("<", "<=")}
_STATEMENTS = (
    "pass", "local = {number}", "assert True, 'number {number}'", "import math as _m", "_ = [x for x in ({number},)]",
    "_ = lambda given={number}: given", "'a text alone'", "_ = {{'a': {number}, 'b': (1, 1.0, True, -0.0)}}",
    "def _unused(): return {number}",
)  # fmt: skip


def mutate(source: str, chance: random.Random, kinds: Sequence[str] = ()) -> tuple[str, str]:
    """Return the name of a change, and the source after it, which compiles; the source is plain ASCII.

    ``kinds`` are the changes to choose from, of which the source allows one; without them all are.
    """
    tree = ast.parse(source)
    names = list(kinds) or list(MUTATIONS)
    weights = [MUTATIONS[name][0] for name in names]
    while True:
        lines = source.splitlines()
        name = chance.choices(names, weights)[0]
        if not MUTATIONS[name][1](tree, lines, chance):
            continue
        changed = "\n".join(lines) + "\n"
        try:
            compile(changed, "<changed>", "exec")
        except (SyntaxError, ValueError):
            continue
        if changed != source:
            return name, changed


def _functions(tree: ast.AST) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def _constants(nodes: Iterator[ast.AST]) -> list[ast.Constant]:
    found = (node for node in nodes if isinstance(node, ast.Constant) and node.lineno == node.end_lineno)
    return [node for node in found if type(node.value) in {int, str, float} and not isinstance(node.value, bool)]


def _inside(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes inside functions, without their docstrings: these are seen from outside."""
    for function in _functions(tree):
        for statement in function.body[1 if ast.get_docstring(function, clean=False) is not None else 0 :]:
            yield from ast.walk(statement)


def _replace(lines: list[str], node: ast.expr | ast.arg | ast.stmt, text: str) -> bool:
    """Replace the text of a node, if it is on one line."""
    if node.lineno != node.end_lineno or node.end_col_offset is None:
        return False
    line = lines[node.lineno - 1]
    lines[node.lineno - 1] = line[: node.col_offset] + text + line[node.end_col_offset :]
    return True


def _other_constant(lines: list[str], node: ast.Constant, chance: random.Random) -> bool:
    if isinstance(node.value, str):
        return _replace(lines, node, repr(f"{node.value}{chance.choice('xyz')}"))
    number = chance.choice([0, 1, 1.0, -1, 2, 3, 0.5, 100, True])
    return _replace(
        lines, node, repr(number) if type(node.value) is not int else repr(int(number) + chance.randrange(3))
    )


def _constant_inside(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = _constants(_inside(tree))
    return bool(found) and _other_constant(lines, chance.choice(found), chance)


def _constant_anywhere(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = _constants(ast.walk(tree))
    return bool(found) and _other_constant(lines, chance.choice(found), chance)


def _constant_type(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in _constants(_inside(tree)) if node.value in {0, 1}]
    if not found:
        return False
    node = chance.choice(found)
    return _replace(lines, node, chance.choice(["1.0", "True", "1"] if node.value else ["0.0", "False", "-0.0", "0"]))


def _operator(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [
        (node.left, node.op, node.right)
        if isinstance(node, ast.BinOp)
        else (node.left, node.ops[0], node.comparators[0])
        for node in ast.walk(tree)
        if (isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS)
        or (isinstance(node, ast.Compare) and type(node.ops[0]) in _OPERATORS)
    ]
    if not found:
        return False
    left, operator, right = chance.choice(found)
    old, new = _OPERATORS[type(operator)]
    if left.end_lineno != right.lineno or left.end_col_offset is None:
        return False
    line = lines[right.lineno - 1]
    between = line[left.end_col_offset : right.col_offset]
    lines[right.lineno - 1] = line[: left.end_col_offset] + between.replace(old, new, 1) + line[right.col_offset :]
    return True


def _statement(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [
        statement
        for function in _functions(tree)
        for statement in function.body[1:]
        if lines[statement.lineno - 1].startswith(" " * statement.col_offset + lines[statement.lineno - 1].lstrip()[:1])
    ]
    if not found:
        return False
    statement = chance.choice(found)
    text = chance.choice(_STATEMENTS).format(number=chance.randrange(100))
    lines.insert(statement.lineno - 1, " " * statement.col_offset + text)
    return True


def _line(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    at = chance.choice([node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)])
    lines.insert(at - 1, chance.choice(["", "# a comment", "    # another"]))
    return True


def _removed_line(_: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [at for at, line in enumerate(lines) if not line.strip() or line.lstrip().startswith("#")]
    if found:
        del lines[chance.choice(found)]
    return bool(found)


def _argument(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [function for function in _functions(tree) if not function.args.kwarg and not function.args.vararg]
    if not found:
        return False
    function = chance.choice(found)
    line = lines[function.lineno - 1]
    end = line.rfind("):")
    if function.body[0].lineno == function.lineno or end < 0 or "->" in line:
        return False
    comma = "" if line[end - 1] in "(," else ", "
    lines[function.lineno - 1] = f"{line[:end]}{comma}added_{chance.randrange(99)}={chance.randrange(9)}{line[end:]}"
    return True


def _default(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [
        node
        for function in _functions(tree)
        for node in (*function.args.defaults, *function.args.kw_defaults)
        if isinstance(node, ast.Constant) and type(node.value) in {int, str}
    ]
    return bool(found) and _other_constant(lines, chance.choice(found), chance)


def _docstring(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in _functions(tree) if ast.get_docstring(node)]
    if not found:
        return False
    statement = chance.choice(found).body[0]
    if not isinstance(statement, ast.Expr):
        return False
    return _replace(lines, statement.value, f'"""It says {chance.randrange(99)}."""')


def _annotation(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [each for function in _functions(tree) for each in function.args.args if each.annotation is None]
    found = [
        each for each in found if each.arg not in {"self", "cls"} and lines[each.lineno - 1].lstrip()[:4] != "lamb"
    ]
    if not found:
        return False
    argument = chance.choice(found)
    return _replace(lines, argument, f"{argument.arg}: {chance.choice(['int', 'str', 'object'])}")


def _decorator(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in tree.body if isinstance(node, Function)]
    if not found:
        return False
    function = chance.choice(found)
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    lines.insert(first - 1, "@(lambda function: function)")
    return True


def _new_function(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in tree.body if isinstance(node, Function) and not node.decorator_list]
    if not found:
        return False
    at, number = chance.choice(found).lineno - 1, chance.randrange(1000)
    lines[at:at] = [f"def added_{number}(value={number}):", f"    return value + {number}", ""]
    return True


def _new_method(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in _functions(tree) if node.args.args and node.args.args[0].arg == "self"]
    found = [node for node in found if not node.decorator_list]
    if not found:
        return False
    function, number = chance.choice(found), chance.randrange(1000)
    indent = " " * function.col_offset
    lines[function.lineno - 1 : function.lineno - 1] = [
        f"{indent}def added_{number}(self):", f"{indent}    return {number}", "",
    ]  # fmt: skip
    return True


def _removed_function(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in _functions(tree) if node.name.startswith("added_") and node.end_lineno]
    if not found:
        return False
    function = chance.choice(found)
    del lines[function.lineno - 1 : function.end_lineno]
    return True


def _class_attribute(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and isinstance(node.body[-1], Function)]
    if not found:
        return False
    last = chance.choice(found).body[-1]
    at = min([last.lineno, *(each.lineno for each in getattr(last, "decorator_list", ()))])
    lines.insert(at - 1, " " * last.col_offset + f"attribute_{chance.randrange(99)} = {chance.randrange(99)}")
    return True


def _module_name(_: ast.Module, lines: list[str], chance: random.Random) -> bool:
    lines.append(f"ADDED_{chance.randrange(99)} = {chance.randrange(99)}")
    return True


def _closure(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    """Let a nested function use another name of the outer one."""
    for function in chance.sample(found := _functions(tree), len(found)):
        inner = [node for node in function.body if isinstance(node, Function)]
        names = [argument.arg for argument in function.args.args]
        if inner and names:
            body = inner[0].body[-1]
            lines.insert(body.lineno - 1, " " * body.col_offset + f"_ = {chance.choice(names)}")
            return True
    return False


def _plain_functions(tree: ast.Module) -> list[Function]:
    return [node for node in tree.body if isinstance(node, Function) and not node.decorator_list]


def _moved_function(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    """Exchange two functions that follow each other."""
    pairs = [
        (one, other)
        for one, other in itertools.pairwise(tree.body)
        if isinstance(one, ast.FunctionDef) and isinstance(other, ast.FunctionDef)
        if not (one.decorator_list or other.decorator_list)
    ]
    if not pairs:
        return False
    one, other = chance.choice(pairs)
    a, b, c, d = one.lineno - 1, one.end_lineno, other.lineno - 1, other.end_lineno
    lines[a:d] = [*lines[c:d], *lines[b:c], *lines[a:b]]
    return True


def _new_class(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    """Add a class with a descriptor, a property, and a field."""
    found = _plain_functions(tree)
    if not found:
        return False
    at, number = chance.choice(found).lineno - 1, chance.randrange(1000)
    lines[at:at] = [
        f"class Added{number}:", f"    field: int = {number}", "", "    def __get__(self, instance, owner=None):",
        "        return self.field", "", "    @property", "    def doubled(self):", "        return self.field * 2", "",
    ]  # fmt: skip
    return True


def _cached(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    """Keep the results of a function."""
    found = _plain_functions(tree)
    if not found:
        return False
    lines.insert(chance.choice(found).lineno - 1, "@__import__('functools').lru_cache(maxsize=4)")
    return True


def _removed_decorator(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [
        each
        for function in _functions(tree)
        for each in function.decorator_list
        if each.lineno == each.end_lineno and isinstance(each, ast.Lambda | ast.Call)
    ]
    if not found:
        return False
    del lines[chance.choice(found).lineno - 1]
    return True


def _global(tree: ast.Module, lines: list[str], chance: random.Random) -> bool:
    found = [statement for node in tree.body if isinstance(node, Function) for statement in node.body[1:2]]
    if not found:
        return False
    statement = chance.choice(found)
    indent, number = " " * statement.col_offset, chance.randrange(9)
    lines[statement.lineno - 1 : statement.lineno - 1] = [f"{indent}global _added", f"{indent}_added = {number}"]
    return True


# Most saves are inside of functions.
MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "a constant in a body": (40, _constant_inside),
    "a constant of another type": (12, _constant_type),
    "an operator": (24, _operator),
    "a statement in a body": (40, _statement),
    "a new line": (16, _line),
    "a removed line": (12, _removed_line),
    "a constant anywhere": (6, _constant_anywhere),
    "a docstring": (5, _docstring),
    "a name of a closure": (8, _closure),
    "a global name": (5, _global),
    "an argument": (3, _argument),
    "a default": (3, _default),
    "an annotation": (3, _annotation),
    "a decorator": (2, _decorator),
    "a removed decorator": (1, _removed_decorator),
    "kept results": (1, _cached),
    "a moved function": (3, _moved_function),
    "a new class": (2, _new_class),
    "a new function": (4, _new_function),
    "a new method": (3, _new_method),
    "a removed function": (5, _removed_function),
    "an attribute of a class": (3, _class_attribute),
    "a name of the module": (3, _module_name),
}
