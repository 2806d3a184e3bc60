"""What a framework leaves for its first request, done before there is one.

Owns which work that is. Knows nothing of serving. Runs in the worker, in its main thread, once the application is
imported.

Theory of operation. Django imports its URLs, and with them the views, at the first request. Its own ``runserver`` does
so before, in its checks: a broken urls.py is then seen at once, and not by whoever comes first. And what is imported
here is known when the worker tells what it has loaded, so that it is preloaded from the next reload on.
"""

from __future__ import annotations

import importlib
from typing import Any

_DJANGO = ("django.core.handlers.", "django.contrib.staticfiles.")


def warm(application: Any) -> None:
    """Do it.

    Raises:
        Exception: whatever the project's modules raise; they would at the first request.
    """
    if type(application).__module__.startswith(_DJANGO):
        settings: Any = importlib.import_module("django.conf").settings  # noqa: TID251  the project's own Django
        if getattr(settings, "ROOT_URLCONF", None):  # a middleware may choose others for each request
            urls: Any = importlib.import_module("django.urls")  # noqa: TID251  as above
            urls.get_resolver().url_patterns  # noqa: B018  a property that imports them
