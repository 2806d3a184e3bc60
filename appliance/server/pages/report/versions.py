"""Name the versions that matter for an exception: Python, the frameworks that are loaded, the appliance.

Runs in the worker, after an exception. ``importlib.metadata`` is loaded only then: it costs 15 ms.
"""

from __future__ import annotations

import sys

from .... import DISTRIBUTION, __version__

# The module that is loaded, and its distribution. A framework comes before what it is built on.
_FRAMEWORKS = {
    "django": "Django",
    "flask": "Flask",
    "quart": "Quart",
    "pyramid": "pyramid",
    "bottle": "bottle",
    "falcon": "falcon",
    "cherrypy": "CherryPy",
    "web2py": "web2py",
    "fastapi": "fastapi",
    "starlette": "starlette",
    "litestar": "litestar",
    "tornado": "tornado",
    "werkzeug": "Werkzeug",
    "sqlalchemy": "SQLAlchemy",
    "jinja2": "Jinja2",
    "mako": "Mako",
    "pydantic": "pydantic",
}
_MOST = 6


def versions() -> list[list[str]]:
    """Return name and version of each."""
    found = [["Python", ".".join(map(str, sys.version_info[:3]))]]
    loaded = [name for module, name in _FRAMEWORKS.items() if module in sys.modules]
    found += [[name, version] for name in loaded[:_MOST] if (version := _version(name))]
    return [*found, [DISTRIBUTION, __version__]]


def _version(distribution: str) -> str:
    try:
        from importlib.metadata import version  # noqa: PLC0415  see above

        return str(version(distribution))[:100]
    except Exception:  # noqa: BLE001  the module belongs to no distribution
        return ""
