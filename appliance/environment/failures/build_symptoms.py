"""Explain why a package could not be built, by what its build prints; name the Debian packages that fix it.

Each pattern matches real output of a tool or a setup.py, and a test checks that each row is the first match of some
output.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from appliance.environment.failures.build_libraries import (
    NEEDS,
    package_of_header,
    package_of_linked,
    package_of_pkg_config,
)
from appliance.package_names import normalized
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Callable

COMPILER = ("build-essential",)


class Cause(Record):
    """The reason that prevented the build of a package.

    Attributes:
        meaning: the text that continues "a package has no wheel for this Python, and".
        debian: the Debian packages that provide what is missing.
        until: the last Python on which the package can be built; empty if unknown.
        old: whether the release is too old for this Python: no compiler helps.
        headers: whether this Python's own headers are missing.
    """

    meaning: str
    debian: tuple[str, ...] = ()
    until: str = ""
    old: bool = False
    headers: bool = False


class BuildSymptom(NamedTuple):
    """One row: a pattern, and the cause or a function of the match that returns it; the first cause counts."""

    pattern: str
    cause: Cause | Callable[[re.Match[str]], Cause | None]


def _missing(program: str, *debian: str) -> Cause:
    return Cause(f"its build needs {program}, which is not installed", debian)


def _old(why: str, until: str = "") -> Cause:
    return Cause(f"this release of it is too old for it: {why}", until=until, old=True)


def _brought(package_of: Callable[[str], str]) -> Callable[[re.Match[str]], Cause | None]:
    """Return a function that gives the cause if the Debian package of the library in the match is known."""

    def cause(found: re.Match[str]) -> Cause | None:
        package = package_of(found[1])
        tools = ("pkg-config",) if "pkg-config" in found.string else ()
        return _missing(f"{found[1]} of {package}", *COMPILER, package, *tools) if package else None

    return cause


def _header(found: re.Match[str]) -> Cause:
    """Return the cause for a header whose package is unknown; a compiler is present."""
    return _missing(f"the header {found[1]}")


_NO_HEADER = r"fatal error: ([\w./+-]{1,80}): No such file"
_TOO_OLD = _old("it is written for Python's inner workings of its time")
# The order: output that shows a release is too old comes before missing libraries and tools, a compiler comes last.
BUILD_SYMPTOMS: tuple[BuildSymptom, ...] = (
    # What left the standard library, setuptools or the C API, and the last Python that still has it.
    BuildSymptom(
        r"invalid mode: 'r?U|longintrepr\.h|getargspec|\bPyUnicode_GET_SIZE\b",
        _old("it needs Python 3.10 or older", "3.10"),
    ),
    BuildSymptom(
        (
            r"No module named '(?:imp|distutils(?:\.\w+)*|asyncore|asynchat|smtpd)'"
            r"|(?:name|attribute) 'SafeConfigParser'|ImpImporter"
            r"|'pkgutil' has no attribute|`distutils` was removed"
        ),
        _old("it needs Python 3.11 or older", "3.11"),
    ),
    BuildSymptom(
        r"No module named '(?:cgi|pipes|lib2to3(?:\.\w+)*|telnetlib)'|_PyCFrame",
        _old("it needs Python 3.12 or older", "3.12"),
    ),
    BuildSymptom(
        (
            r"No module named '(?:ConfigParser|__builtin__|c?StringIO|urllib2|urlparse|HTMLParser|commands|httplib"
            r"|Queue)'"
            r"|SyntaxError: (?:invalid syntax|Missing parentheses|multiple exception types|leading zeros|invalid token)"
            r"|for Python 2(?:\.\d)? only|only (?:for|supports?|works (?:on|with)) Python 2|NameError: name 'execfile'"
        ),
        _old("it is written for Python 2"),
    ),
    BuildSymptom(r"KeyError: '__version__'", _old("it needs Python 3.12 or older", "3.12")),
    BuildSymptom(
        r"cannot import name 'Feature' from 'setuptools'|use_2to3", _old("it needs Python 3.10 or older", "3.10")
    ),
    BuildSymptom(
        (
            r"unknown type name .{1,3}_?Py\w+|implicit declaration of function .{1,3}_?Py\w+"
            r"|has no member named .{1,3}\w+"
            r"|lvalue required as left operand|incomplete typedef .{1,3}_?Py\w+|arguments to function .{1,3}_?Py\w+"
            r"|.{1,3}_?Py\w+.{1,3} undeclared|incompatible pointer type|fatal error: (?:code|frameobject|node)\.h"
        ),
        _TOO_OLD,
    ),
    BuildSymptom(
        (
            r"(?i)requires Python|Python version .{1,30}(?:not|un)supported|only versions .{1,40} are supported"
            r"|Cannot install on Python|`pyproject\.toml` is using the `\[project\]` table, but"
        ),
        _TOO_OLD,
    ),
    BuildSymptom(r"implicit declaration of function", _old("today's compilers refuse its C code")),
    # Programs and libraries that a build names.
    BuildSymptom(r"pg_config", _missing("pg_config", *COMPILER, "libpq-dev")),
    BuildSymptom(
        r"mysql_config|mariadb_config|Can not find valid pkg-config name",
        _missing("MySQL's client library with its headers", *COMPILER, "default-libmysqlclient-dev", "pkg-config"),
    ),
    BuildSymptom(
        r"libxml2 and libxslt|xml2-config|xslt-config|xmlversion\.h",
        _missing("libxml2 and libxslt with their headers", *COMPILER, "libxml2-dev", "libxslt1-dev"),
    ),
    BuildSymptom(r"curl-config", _missing("libcurl with its headers", *COMPILER, "libcurl4-openssl-dev", "libssl-dev")),
    BuildSymptom(r"gdal-config|gdal_config", _missing("GDAL with its headers", *COMPILER, "libgdal-dev")),
    BuildSymptom(r"krb5-config", _missing("Kerberos with its headers", *COMPILER, "libkrb5-dev")),
    BuildSymptom(r"cups-config", _missing("CUPS with its headers", *COMPILER, "libcups2-dev")),
    BuildSymptom(r"geos-config", _missing("GEOS with its headers", *COMPILER, "libgeos-dev")),
    BuildSymptom(
        r"xmlsec1 is not installed|pkg-config.{0,40}xmlsec",
        _missing("xmlsec", *COMPILER, "libxml2-dev", "libxmlsec1-dev", "pkg-config"),
    ),
    BuildSymptom(
        r"The headers or library files could not be found for (?:jpeg|zlib)",
        _missing("libjpeg and zlib with their headers", *COMPILER, "libjpeg-dev", "zlib1g-dev"),
    ),
    BuildSymptom(
        (
            r"(?i)can't find Rust|rust compiler|\b(?:cargo|rustc)\b.{0,40}(?:not found|not installed|No such file)"
            r"|No such file or directory: '(?:cargo|rustc)'|Unable to find (?:cargo|rustc)|Rust toolchain"
        ),
        _missing("Rust", *COMPILER, "cargo", "rustc"),
    ),
    BuildSymptom(
        r"(?i)CMake must be installed|'cmake'|cmake.{0,20}not found|No CMAKE_", _missing("CMake", *COMPILER, "cmake")
    ),
    BuildSymptom(r"'swig|swig.{0,20}not found|swig: not found", _missing("SWIG", *COMPILER, "swig")),
    BuildSymptom(r"(?i)no fortran compiler|gfortran", _missing("a Fortran compiler", *COMPILER, "gfortran")),
    BuildSymptom(
        r"Python\.h: No such file|cannot find -lpython3",
        Cause("the headers of this Python are not installed", headers=True),
    ),
    # The output names what is missing.
    BuildSymptom(_NO_HEADER, _brought(package_of_header)),
    BuildSymptom(r"cannot find -l([\w+-]{1,40})", _brought(package_of_linked)),
    BuildSymptom(r"Package '?([\w.+-]{1,40})'?(?: was not found|, required by)", _brought(package_of_pkg_config)),
    BuildSymptom(r"Dependency \"([\w.+-]{1,40})\" not found", _brought(package_of_pkg_config)),
    BuildSymptom(r"'--exists', '([\w.+-]{1,40})", _brought(package_of_pkg_config)),
    BuildSymptom(_NO_HEADER, _header),
    # The tools that every build needs. If a tool is installed but refuses the code, the release is too old.
    BuildSymptom(
        r"'pkg-config'? not found|pkg-config: (?:command )?not found|invoke pkg-config|directory: 'pkg-config'",
        _missing("pkg-config", *COMPILER, "pkg-config"),
    ),
    BuildSymptom(
        (
            r"No such file or directory: '[\w-]*(?:gcc|g\+\+|clang|cc|c\+\+)'|checking for gcc\.\.\. no"
            r"|need a C compiler|no acceptable C compiler"
            r"|(?:gcc|g\+\+|cc): (?:command )?not found|Unknown compiler\(s\)"
            r"|command '(?:gcc|cc)' failed: No such"
            r"|No CMAKE_C(?:XX)?_COMPILER|sh \./configure .{0,400}returned non-zero"
        ),
        _missing("a C compiler", *COMPILER),
    ),
    BuildSymptom(
        r"(?i)command '?[^'\n]{0,80}(?:gcc|g\+\+|cc|clang)'?.{0,2000}failed|returned non-zero exit status",
        _old("a compiler refuses its code"),
    ),
)


def build_symptom(text: str) -> tuple[BuildSymptom, Cause] | None:
    """Return the row for a build's output, and its cause; None if no row matches."""
    for symptom in BUILD_SYMPTOMS:
        for found in re.finditer(symptom.pattern, text):
            cause = symptom.cause if isinstance(symptom.cause, Cause) else symptom.cause(found)
            if cause is not None:
                return symptom, cause
    return None


def cause_of_build(text: str, package: str = "") -> Cause | None:
    """Return the reason why the build failed; None if its output has no known message.

    Args:
        text: the output of the build.
        package: the package's name, if known: a build stops at the first missing library, and may need others.
    """
    symptom = build_symptom(text)
    cause = symptom[1] if symptom else None
    needs = NEEDS.get(normalized(package), ())
    if cause is None or cause.old or not needs:
        return cause
    return replace(cause, debian=tuple(dict.fromkeys((*COMPILER, *cause.debian, *needs))))
