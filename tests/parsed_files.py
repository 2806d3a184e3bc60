"""Python files of this repository as syntax trees: each process of the tests parses and walks a file once."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file, in the order of ``ast.walk``; not to be changed."""
    gc.disable()
    try:
        return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    finally:
        gc.freeze()  # a million nodes, which a collection of garbage would visit
        gc.enable()


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file; not to be changed."""
    tree = nodes(path)[0]
    assert isinstance(tree, ast.Module)
    return tree
