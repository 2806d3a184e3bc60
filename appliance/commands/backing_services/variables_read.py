"""Find which environment variables a project reads, with a default or without, and what its settings say in full.

The sources are parsed, never run. A name that belongs to no service is not used, so a call that only looks like a
reader does no harm.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.discovery.source.scope import nodes
from appliance.discovery.source.source import environ_key, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.discovery.source.modules import Modules

_DEEP_ENOUGH = 4
_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,80}\Z")
# os.getenv, environ.get, env, env.str, config of decouple, and a project's own get_env_value and get_secret.
_READER = re.compile(r"env|config|secret|setting", re.IGNORECASE)
_NO_READER = re.compile(r"(?:.*\.)?(?:app|application|current_app)\.")
# What dj-database-url and django-environ read if they are called without a name.
_UNNAMED = {"env.db": "DATABASE_URL", "env.db_url": "DATABASE_URL", "dj_database_url.config": "DATABASE_URL",
            "env.cache": "CACHE_URL", "env.cache_url": "CACHE_URL", "env.email": "EMAIL_URL",
            "env.email_url": "EMAIL_URL"}  # fmt: skip
_SCHEME = re.compile(r"\b(redis|rediss|valkey|amqps?|pyamqp|sqs|filesystem|memory|sqla|gcpubsub)(?:\+\w+)?://")
# GeoDjango, but not its lookup of addresses, which needs no database; the scheme of a URL, and an engine.
_SPATIAL = re.compile(r"\bdjango\.contrib\.gis\b(?!\.geoip)|\bpostgis\b")


@dataclass
class ReadVariables:
    """The variables that the sources read.

    Attributes:
        names: the variables that are read, in the order of the files.
        literals: what a Django database's settings say in full: HOST, NAME, USER, PASSWORD; and MAIL_PORT.
        schemes: of the brokers' URLs in the sources: redis, amqp.
        spatial: the name in the sources that needs PostGIS; empty if there is none.
    """

    names: dict[str, None] = field(default_factory=dict)
    literals: dict[str, str] = field(default_factory=dict)
    schemes: set[str] = field(default_factory=set)
    spatial: str = ""

    def note(self, values: Mapping[str, str]) -> None:
        """Add the variables of a ``.env`` file."""
        for name, value in values.items():
            self.names.setdefault(name)
            self.note_text(value)

    def note_text(self, text: str) -> None:
        """Add the brokers and the spatial database that a text names."""
        self.schemes.update(_SCHEME.findall(text))
        if not self.spatial and (named := _SPATIAL.search(text)):
            self.spatial = named[0]


def variables_read(modules: Modules) -> ReadVariables:
    """Return the variables that the project's sources read."""
    found = ReadVariables()
    for file in modules.files(_DEEP_ENOUGH):
        source = modules.source(file)
        if source.problem:
            continue
        found.note_text(source.text)
        if _READER.search(source.text) or "ENGINE" in source.text:
            for node in nodes(parse(source.text)):
                found.names.update(dict.fromkeys(name for name in _names(node) if _NAME.match(name)))
                found.literals.update(_literals(node))
    return found


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Subscript():
            if key := environ_key(node):
                yield key
        case ast.Call(func=function, args=arguments, keywords=keywords):
            called = _dotted(function)
            if not _READER.search(called) or _NO_READER.match(called):
                return
            named = next((pair.value for pair in keywords if pair.arg in {"env", "name", "key"}), None)
            first = arguments[0] if arguments else named
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
            elif first is None and (unnamed := _UNNAMED.get(called)):
                yield unnamed
        case ast.ClassDef(bases=bases, body=body) if any(_dotted(base).endswith("BaseSettings") for base in bases):
            prefix = next((text for part in body for text in _prefixes(part)), "")
            for part in body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    yield f"{prefix}{part.target.id}".upper()


def _prefixes(part: ast.stmt) -> Iterator[str]:
    """Yield the ``env_prefix`` of pydantic's settings."""
    match part:
        case ast.Assign(value=ast.Call(keywords=keywords)):
            for pair in keywords:
                if pair.arg == "env_prefix" and isinstance(pair.value, ast.Constant):
                    yield str(pair.value.value)


def _dotted(expression: ast.expr) -> str:
    match expression:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    return ""


def _literals(node: ast.AST) -> dict[str, str]:
    """Return the texts of one of Django's DATABASES, if that is one of a server, or the port of a mail server."""
    match node:
        case ast.Assign(targets=[ast.Name(id="EMAIL_PORT" | "MAIL_PORT")], value=ast.Constant(value=int() as port)):
            return {"MAIL_PORT": str(port)}
        case ast.Dict(keys=keys, values=values):
            texts = {
                str(key.value): value.value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant) and isinstance(value.value, str)
            }
            if re.search(r"postgres|postgis|mysql", texts.get("ENGINE", "")):
                return {name: texts[name] for name in ("HOST", "NAME", "USER", "PASSWORD") if texts.get(name)}
    return {}
