"""Do a framework's work for its first request before that request comes.

Runs in the worker's main thread, once the application is imported.

Theory of operation. Django imports its URLs, and with them the views, at the first request. Its own ``runserver``
imports them earlier, in its checks: a broken urls.py is noticed at once, and not by the first visitor. Modules that are
imported here are also in the worker's report of loaded modules, so that they are preloaded from the next reload on.

Werkzeug, and so Flask, sorts its URL rules at the first request, and encodes the host's name by a codec that Python
imports then: 4 ms with 500 rules. Rules that are added later are sorted in again.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import Any

_DJANGO = ("django.core.handlers.", "django.contrib.staticfiles.")
_MAKERS = ("django.core.wsgi", "django.core.asgi")  # imported to make Django's application, and for nothing else


def warm(application: Any) -> None:
    """Prepare the application for its first request.

    Raises:
        Exception: whatever the project's modules raise; they would do so at the first request.
    """
    if _is_djangos(application):
        _import_urls()
    elif serves_django(application):  # within another application, which may answer although the URLs are broken
        with suppress(Exception):
            _import_urls()
    if (routing := sys.modules.get("werkzeug.routing")) is not None:
        with suppress(Exception):  # the first request meets the error again, where its page is shown
            _sort_rules(application, routing)


def serves_django(application: Any) -> bool:
    """Whether requests of this application reach Django: it is Django's, or Django's was made, and may be within it."""
    return _is_djangos(application) or not sys.modules.keys().isdisjoint(_MAKERS)


def _is_djangos(application: Any) -> bool:
    return type(application).__module__.startswith(_DJANGO)


def _import_urls() -> None:
    settings: Any = importlib.import_module("django.conf").settings  # noqa: TID251  the project's own Django
    if getattr(settings, "ROOT_URLCONF", None):  # a middleware may choose others for each request
        urls: Any = importlib.import_module("django.urls")  # noqa: TID251  as above
        urls.get_resolver().url_patterns  # noqa: B018  a property that imports them


def _sort_rules(application: Any, routing: Any) -> None:
    url_map = getattr(application, "url_map", None)
    if isinstance(url_map, routing.Map):
        url_map.update()
        "localhost".encode("idna")
