"""Find the environment variables that a project requires: its source reads them without a default.

The source is parsed, never run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from appliance.discovery.source.scope import nodes
from appliance.discovery.source.source import environ_key, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.discovery.source.modules import Modules

_DEEP_ENOUGH = 3
# The readers of decouple and django-environ, by the names that their documentation uses.
_READERS = frozenset({"config", "env"})


def required_variables(modules: Modules) -> list[str]:
    """Return the names of the variables that the project requires, sorted."""
    names: set[str] = set()
    for file in modules.files(_DEEP_ENOUGH):
        source = modules.source(file)
        if not source.problem and any(word in source.text for word in ("environ", "config(", "env(")):
            names.update(_read(source.text, reads=bool(source.imports & {"decouple", "environ", "environs"})))
    return sorted(names)


def _read(text: str, *, reads: bool) -> Iterator[str]:
    for node in nodes(parse(text)):
        match node:
            case ast.Subscript(ctx=ast.Load()):
                if key := environ_key(node):
                    yield key
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as key)], keywords=keywords):
                if reads and name in _READERS and not any(pair.arg == "default" for pair in keywords):
                    yield key
