"""Django's settings: with its middleware for gzip, or with django-browser-reload, which can't stand before that."""

import os
from pathlib import Path

HERE = Path(__file__).parent
FOLLOWS = "FOLLOWS" in os.environ
DEBUG = True
SECRET_KEY = "benchmark"  # noqa: S105
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE / "static"]
INSTALLED_APPS = ["django.contrib.staticfiles", *["django_browser_reload"] * FOLLOWS]
MIDDLEWARE = [
    "django_browser_reload.middleware.BrowserReloadMiddleware" if FOLLOWS else "django.middleware.gzip.GZipMiddleware"
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [HERE / "templates"]}]
