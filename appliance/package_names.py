"""Compare the names of distributions: ``Flask_SQLAlchemy`` is ``flask-sqlalchemy`` (PEP 503). Both sides use it."""

import re

_SEPARATORS = re.compile(r"[-_.]+")


def normalized(name: str) -> str:
    """Return the normal form of a distribution's, an extra's or a group's name (PEP 503, PEP 685)."""
    return _SEPARATORS.sub("-", name.strip()).lower()


def any_spelling(name: str) -> str:
    """Return a pattern for each spelling of a name. Letters match in one case, unless its pattern ignores the case."""
    return "[-_.]+".join(map(re.escape, _SEPARATORS.split(name)))
