"""Hash the compiled code of a function: instructions, constants, names, lines, and the code nested in it.

Pure. ``marshal.dumps`` would not do: its bytes depend on how often a constant is referenced.
"""

from __future__ import annotations

from importlib.util import source_hash
from types import CodeType
from typing import Any


class CodeDigests:
    """The hashes of one walk: each code object is hashed once. Code objects must stay alive meanwhile."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def of(self, code: CodeType) -> bytes:
        """Return 8 bytes, the same for each compilation of the same source at the same place."""
        known = self._known.get(id(code))
        if known is None:
            known = self._known[id(code)] = source_hash(self._text(code))
        return known

    def _text(self, code: CodeType) -> bytes:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        place = (code.co_filename, code.co_firstlineno, code.co_name, getattr(code, "co_qualname", ""))
        lines = getattr(code, "co_linetable", b"")
        parts = [code.co_code, lines, getattr(code, "co_exceptiontable", b""), repr((counts, names, place)).encode()]
        parts.extend(map(self._constant, code.co_consts))
        return b"".join(b"%d:%b" % (len(part), part) for part in parts)

    def _constant(self, value: Any) -> bytes:
        kind = type(value)
        if kind is CodeType:
            return self.of(value)
        if kind is tuple:
            return b"(%b)" % b",".join(map(self._constant, value))
        if kind is frozenset:
            return b"{%b}" % b",".join(sorted(map(self._constant, value)))
        if kind is slice:  # since 3.14
            return b"[%b]" % b",".join(map(self._constant, (value.start, value.stop, value.step)))
        return repr(value).encode(
            "utf-8", "surrogatepass"
        )  # a number, a text, bytes, None, True, ...: 1 and 1.0 differ
