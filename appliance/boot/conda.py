"""``environment.yml`` of conda, as far as pip's world can follow it.

Owns that file's few shapes. Must not know what installs the lines. Runs in the appliance's own interpreter.

What stands under ``pip:`` is pip's. A conda package that is named without a build (``flask``, ``numpy=1.26``) is mostly
called so on PyPI too; what an export names with builds (``openssl=3.0.8=h7f8727e_0``), and what is no Python, is not to
be had without conda, and is left out.
"""

from __future__ import annotations

import re

_NOT_PYTHON = frozenset(
    {
        "python", "pip", "setuptools", "wheel", "nodejs", "npm", "yarn", "git", "make", "cmake", "gcc", "gxx",
        "compilers", "openssl", "ca-certificates", "sqlite", "postgresql", "redis-server", "libpq", "cudatoolkit",
        "mkl", "conda",
    }
)  # fmt: skip
_ENTRY = re.compile(r"(?P<indent>\s*)-\s+(?P<text>\S.*)")


def conda_lines(text: str) -> list[str]:
    """Requirement lines."""
    lines: list[str] = []
    pip_indent: int | None = None
    within = False
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw)
        if re.match(r"\S", line) and not line.startswith("-"):
            within = line.startswith("dependencies:")
        entry = _ENTRY.match(line)
        if not within or entry is None:
            continue
        indent, words = len(entry["indent"]), entry["text"].rstrip().strip("\"'")
        if pip_indent is not None and indent > pip_indent:
            lines.append(words)
        elif words == "pip:":
            pip_indent = indent
        else:
            pip_indent = None
            lines += _conda(words)
    return lines


def conda_python(text: str) -> str:
    """The Python that it asks for: "3.11", or nothing."""
    match = re.search(r"(?m)^[ \t]*-[ \t]+[\"']?python[ \t]*=+[ \t]*(3\.\d+)", text)
    return match[1] if match else ""


def _conda(words: str) -> list[str]:
    words = words.rpartition("::")[2]  # conda-forge::flask
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*)\s*(.*)", words)
    if match is None or match[1].lower() in _NOT_PYTHON or match[1].startswith("_"):
        return []
    name, wish = match[1], match[2].replace(" ", "")
    if re.match(r"=[^=]+=", wish):
        return []
    if re.match(r"=[^=]", wish):
        version = wish[1:].removesuffix(".*").removesuffix("*")
        return [f"{name}=={version}.*"]
    return [name + wish]
