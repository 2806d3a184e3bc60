"""Do a framework's work for its first request before that request comes.

Runs in the worker's main thread, once the application is imported.

Theory of operation. Django imports its URLs, and with them the views, at the first request. Its own ``runserver``
imports them earlier, in its checks: a broken urls.py is noticed at once, and not by the first visitor. Modules that are
imported here are also in the worker's report of loaded modules, so that they are preloaded from the next reload on.
"""

from __future__ import annotations

import importlib
from typing import Any

_DJANGO = ("django.core.handlers.", "django.contrib.staticfiles.")


def warm(application: Any) -> None:
    """Prepare the application for its first request.

    Raises:
        Exception: whatever the project's modules raise; they would do so at the first request.
    """
    if type(application).__module__.startswith(_DJANGO):
        settings: Any = importlib.import_module("django.conf").settings  # noqa: TID251  the project's own Django
        if getattr(settings, "ROOT_URLCONF", None):  # a middleware may choose others for each request
            urls: Any = importlib.import_module("django.urls")  # noqa: TID251  as above
            urls.get_resolver().url_patterns  # noqa: B018  a property that imports them
