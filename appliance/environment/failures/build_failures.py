"""Why a package could not be built: what its build said, what that means, what helps.

Owns the table; each pattern is what a tool or a setup.py really printed. Must not know who shows it, nor where the
package is asked for. Runs in ``appliance install``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.dependencies.dependency_selection import plain
from appliance.environment.failures.build_libraries import (
    NEEDS,
    package_of_header,
    package_of_linked,
    package_of_pkg_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPILER = ("build-essential",)


@dataclass(frozen=True)
class Cause:
    """What kept a package from being built.

    Attributes:
        meaning: in words that continue "a package has no wheel for this Python, and".
        debian: packages of Debian that bring what is missing.
        until: the last Python on which it can be built; empty where that is not known.
        old: whether the release is too old for this Python: no compiler helps.
        headers: whether this Python's own headers are missing.
    """

    meaning: str
    debian: tuple[str, ...] = ()
    until: str = ""
    old: bool = False
    headers: bool = False


def _missing(program: str, *debian: str) -> Cause:
    return Cause(f"its build needs {program}, which is not here", debian)


def _old(why: str, until: str = "") -> Cause:
    return Cause(f"this release of it is too old for it: {why}", until=until, old=True)


_TOO_OLD = _old("it is written for Python's inner workings of its time")
# What left the standard library, setuptools or the C interface, and the last Python that can do without.
_GONE: tuple[tuple[str, Cause], ...] = (
    (
        r"invalid mode: 'r?U|longintrepr\.h|getargspec|\bPyUnicode_GET_SIZE\b",
        _old("it needs Python 3.10 or older", "3.10"),
    ),
    (
        (
            r"No module named '(?:imp|distutils(?:\.\w+)*|asyncore|asynchat|smtpd)'"
            r"|(?:name|attribute) 'SafeConfigParser'|ImpImporter"
            r"|'pkgutil' has no attribute|`distutils` was removed"
        ),
        _old("it needs Python 3.11 or older", "3.11"),
    ),
    (
        r"No module named '(?:cgi|pipes|lib2to3(?:\.\w+)*|telnetlib)'|_PyCFrame",
        _old("it needs Python 3.12 or older", "3.12"),
    ),
    (
        (
            r"No module named '(?:ConfigParser|__builtin__|c?StringIO|urllib2|urlparse|HTMLParser|commands|httplib"
            r"|Queue)'"
            r"|SyntaxError: (?:invalid syntax|Missing parentheses|multiple exception types|leading zeros|invalid token)"
            r"|for Python 2(?:\.\d)? only|only (?:for|supports?|works (?:on|with)) Python 2|NameError: name 'execfile'"
        ),
        _old("it is written for Python 2"),
    ),
    (r"KeyError: '__version__'", _old("it needs Python 3.12 or older", "3.12")),
    (r"cannot import name 'Feature' from 'setuptools'|use_2to3", _old("it needs Python 3.10 or older", "3.10")),
    (
        (
            r"unknown type name .{1,3}_?Py\w+|implicit declaration of function .{1,3}_?Py\w+"
            r"|has no member named .{1,3}\w+"
            r"|lvalue required as left operand|incomplete typedef .{1,3}_?Py\w+|arguments to function .{1,3}_?Py\w+"
            r"|.{1,3}_?Py\w+.{1,3} undeclared|incompatible pointer type|fatal error: (?:code|frameobject|node)\.h"
        ),
        _TOO_OLD,
    ),
    (
        (
            r"(?i)requires Python|Python version .{1,30}(?:not|un)supported|only versions .{1,40} are supported"
            r"|Cannot install on Python|`pyproject\.toml` is using the `\[project\]` table, but"
        ),
        _TOO_OLD,
    ),
    (r"implicit declaration of function", _old("today's compilers refuse its C code")),
)
_TOOLS: tuple[tuple[str, Cause], ...] = (
    (r"pg_config", _missing("pg_config", *_COMPILER, "libpq-dev")),
    (
        r"mysql_config|mariadb_config|Can not find valid pkg-config name",
        _missing("MySQL's client library with its headers", *_COMPILER, "default-libmysqlclient-dev", "pkg-config"),
    ),
    (
        r"libxml2 and libxslt|xml2-config|xslt-config|xmlversion\.h",
        _missing("libxml2 and libxslt with their headers", *_COMPILER, "libxml2-dev", "libxslt1-dev"),
    ),
    (r"curl-config", _missing("libcurl with its headers", *_COMPILER, "libcurl4-openssl-dev", "libssl-dev")),
    (r"gdal-config|gdal_config", _missing("GDAL with its headers", *_COMPILER, "libgdal-dev")),
    (r"krb5-config", _missing("Kerberos with its headers", *_COMPILER, "libkrb5-dev")),
    (r"cups-config", _missing("CUPS with its headers", *_COMPILER, "libcups2-dev")),
    (r"geos-config", _missing("GEOS with its headers", *_COMPILER, "libgeos-dev")),
    (
        r"xmlsec1 is not installed|pkg-config.{0,40}xmlsec",
        _missing("xmlsec", *_COMPILER, "libxml2-dev", "libxmlsec1-dev", "pkg-config"),
    ),
    (
        r"The headers or library files could not be found for (?:jpeg|zlib)",
        _missing("libjpeg and zlib with their headers", *_COMPILER, "libjpeg-dev", "zlib1g-dev"),
    ),
    (
        (
            r"(?i)can't find Rust|rust compiler|\b(?:cargo|rustc)\b.{0,40}(?:not found|not installed|No such file)"
            r"|No such file or directory: '(?:cargo|rustc)'|Unable to find (?:cargo|rustc)|Rust toolchain"
        ),
        _missing("Rust", *_COMPILER, "cargo", "rustc"),
    ),
    (r"(?i)CMake must be installed|'cmake'|cmake.{0,20}not found|No CMAKE_", _missing("CMake", *_COMPILER, "cmake")),
    (r"'swig|swig.{0,20}not found|swig: not found", _missing("SWIG", *_COMPILER, "swig")),
    (r"(?i)no fortran compiler|gfortran", _missing("a Fortran compiler", *_COMPILER, "gfortran")),
    (r"Python\.h: No such file|cannot find -lpython3", Cause("the headers of this Python are not here", headers=True)),
)
_NO_COMPILER = re.compile(
    r"No such file or directory: '[\w-]*(?:gcc|g\+\+|clang|cc|c\+\+)'|checking for gcc\.\.\. no|need a C compiler"
    r"|no acceptable C compiler|(?:gcc|g\+\+|cc): (?:command )?not found|Unknown compiler\(s\)"
    r"|command '(?:gcc|cc)' failed: No such"
    r"|No CMAKE_C(?:XX)?_COMPILER|sh \./configure .{0,400}returned non-zero"
)
_NO_PKG_CONFIG = re.compile(
    r"'pkg-config'? not found|pkg-config: (?:command )?not found|invoke pkg-config|directory: 'pkg-config'"
)
_REFUSED = re.compile(
    r"(?i)command '?[^'\n]{0,80}(?:gcc|g\+\+|cc|clang)'?.{0,2000}failed|returned non-zero exit status"
)
# Each names what is missing by itself.
_NAMED: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"fatal error: ([\w./+-]{1,80}): No such file"), package_of_header),
    (re.compile(r"cannot find -l([\w+-]{1,40})"), package_of_linked),
    (re.compile(r"Package '?([\w.+-]{1,40})'?(?: was not found|, required by)"), package_of_pkg_config),
    (re.compile(r"Dependency \"([\w.+-]{1,40})\" not found"), package_of_pkg_config),
    (re.compile(r"'--exists', '([\w.+-]{1,40})"), package_of_pkg_config),
)
_LAST: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (_NO_PKG_CONFIG, _missing("pkg-config", *_COMPILER, "pkg-config")),
    (_NO_COMPILER, _missing("a C compiler", *_COMPILER)),
    (_REFUSED, _old("a compiler refuses its code")),
)


def cause_of_build(text: str, package: str = "") -> Cause | None:
    """What kept the package from being built; None where nothing that is known stands in its words.

    Args:
        text: the words of its build.
        package: its name, where that is known: the first thing that is missing is seldom the last.
    """
    cause = _cause(text)
    needs = NEEDS.get(plain(package), ())
    if cause is None or cause.old or not needs:
        return cause
    return replace(cause, debian=tuple(dict.fromkeys((*_COMPILER, *cause.debian, *needs))))


def _cause(text: str) -> Cause | None:
    # A release that is too old says so before it comes to what it is made with.
    for pattern, cause in (*_GONE, *_TOOLS):
        if re.search(pattern, text):
            return cause
    return _named(text) or _unknown(text) or next((cause for pattern, cause in _LAST if pattern.search(text)), None)


def _named(text: str) -> Cause | None:
    """What names what is missing by itself."""
    for named, package_of in _NAMED:
        for found in named.finditer(text):
            package = package_of(found[1])
            if package:
                return _missing(f"{found[1]} of {package}", *_COMPILER, *_with_tools(text, package))
    return None


def _unknown(text: str) -> Cause | None:
    """A header whose package is not known, where a compiler is."""
    found = _NAMED[0][0].search(text)
    return _missing(f"the header {found[1]}") if found else None


def _with_tools(text: str, package: str) -> tuple[str, ...]:
    return (package, "pkg-config") if "pkg-config" in text else (package,)
